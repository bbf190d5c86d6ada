import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Answer } from "../support/world/world.ts";
import { openWorld } from "../support/world/world.ts";

type Data = Record<string, number | null>;
/** The expected document: none, or a version and its data. */
type Model = { document: { version: number; data: Data } | undefined };
type Real = { call: (method: string, body?: unknown) => Promise<Answer> };
type Write = { method: "PUT" | "PATCH"; data: Data };

const data = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(fc.integer(), fc.constant(null)), { maxKeys: 3 });
const write = fc.record({ method: fc.constantFrom("PUT" as const, "PATCH" as const), data });

function apply({ document }: Model, { method, data }: Write): Model["document"] {
  const version = (document?.version ?? 0) + 1;
  if (method === "PUT") return { version, data };
  const merged = Object.entries({ ...document?.data, ...data }).filter(
    ([key, value]) => !(key in data && value === null),
  );
  return { version, data: Object.fromEntries(merged) as Data };
}

/** The expected status of a write with this version. */
function verdict({ document }: Model, { method }: Write, version: number): 200 | 400 | 404 {
  if (!document && method === "PATCH") return 404;
  return version === 0 || version === (document?.version ?? 0) ? 200 : 400;
}

class WriteCommand implements fc.AsyncCommand<Model, Real> {
  readonly write: Write;
  /** Distance of the sent version from the stored one; undefined for a write without condition. */
  readonly offset: number | undefined;

  constructor(write: Write, offset: number | undefined) {
    this.write = write;
    this.offset = offset;
  }

  check = () => true;
  toString = () => `${this.write.method}(${JSON.stringify(this.write.data)}, ${this.offset})`;

  async run(model: Model, real: Real) {
    const stored = model.document?.version ?? 0;
    const version = this.offset === undefined ? 0 : Math.max(0, stored + this.offset);
    const answer = await real.call(this.write.method, { version, data: this.write.data });
    const expected = verdict(model, this.write, version);
    expect(answer.status).toBe(expected);
    if (expected !== 200) return;
    model.document = apply(model, this.write);
    expect(answer.body).toMatchObject(model.document as object);
  }
}

/** Several writers that have read the same version write it at once: one wins. */
class RaceCommand implements fc.AsyncCommand<Model, Real> {
  readonly writes: Write[];

  constructor(writes: Write[]) {
    this.writes = writes;
  }

  check = (model: Model) => model.document !== undefined;
  toString = () => `race(${JSON.stringify(this.writes)})`;

  async run(model: Model, real: Real) {
    const { version } = model.document as NonNullable<Model["document"]>;
    const answers = await Promise.all(this.writes.map(({ method, data }) => real.call(method, { version, data })));
    const winners = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(answers.length > 1 ? [200, 400] : [200]));
    model.document = apply(model, this.writes[winners[0] as number] as Write);
    expect(answers[winners[0] as number]?.body).toMatchObject(model.document as object);
  }
}

class DeleteCommand implements fc.AsyncCommand<Model, Real> {
  check = () => true;
  toString = () => "delete";

  async run(model: Model, real: Real) {
    expect((await real.call("DELETE")).status).toBe(model.document ? 204 : 404);
    model.document = undefined;
  }
}

class GetCommand implements fc.AsyncCommand<Model, Real> {
  check = () => true;
  toString = () => "get";

  async run(model: Model, real: Real) {
    const { status, body } = await real.call("GET");
    expect(status).toBe(model.document ? 200 : 404);
    if (!model.document) return;
    expect([body.version, body.data]).toEqual([model.document.version, model.document.data]);
  }
}

test("after any writes, deletions and races, versions and data are as expected", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const commands = [
    fc
      .tuple(write, fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }))
      .map(([w, o]) => new WriteCommand(w, o)),
    fc.array(write, { minLength: 1, maxLength: 8 }).map((writes) => new RaceCommand(writes)),
    fc.constant(new DeleteCommand()),
    fc.constant(new GetCommand()),
  ];
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 40 }), async (sequence) => {
      const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
      const call: Real["call"] = (method, body) => caller.call(method, `/twins/${twin}/documents/d`, body);
      await fc.asyncModelRun(() => ({ model: { document: undefined } as Model, real: { call } }), sequence);
    }),
    { numRuns: 200 },
  );
});

test("a hundred writers that retry on a mismatch lose no increment", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const path = `/twins/${twin}/documents/counter`;
  await caller.call("PUT", path, { data: { n: 0 } });
  const increment = async () => {
    for (;;) {
      const { version, data } = (await caller.call("GET", path)).body;
      const { status } = await caller.call("PUT", path, { version, data: { n: data.n + 1 } });
      if (status === 200) return;
      expect(status).toBe(400);
    }
  };
  await Promise.all(Array.from({ length: 100 }, increment));
  expect((await caller.call("GET", path)).body).toMatchObject({ version: 101, data: { n: 100 } });
});
