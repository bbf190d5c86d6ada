import fc from "fast-check";
import type { Json } from "../support/world/world.ts";
import type { Entry, Model, Person, Twin } from "./build-world.ts";
import { ledgerOf, mayHave, seenEntries, seesIdentity, seesTwin } from "./naive.ts";
import { anyTwin, anyValue, ENTRY_NAMES, IDENTITY_NAMES } from "./random-world.ts";

// Random writes and their outcomes: callers cannot change what their rules hide from them, nor change anything into
// what the rules would hide.

const name = fc.constantFrom(...ENTRY_NAMES);
const identity = fc.constantFrom(...IDENTITY_NAMES);
const description = fc.option(fc.record({ kind: fc.constantFrom("cat", "dog") }), { nil: null });

export const anyWrite = fc.record({
  by: fc.nat(2),
  twin: anyTwin,
  what: fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: name, value: anyValue }) },
    { weight: 9, arbitrary: fc.record({ update: name, value: anyValue, valueOnly: fc.boolean() }) },
    { weight: 5, arbitrary: fc.record({ remove: name }) },
    { weight: 6, arbitrary: fc.record({ describe: description }) },
    { weight: 2, arbitrary: fc.record({ create: description }) },
    { weight: 1, arbitrary: fc.constant({ terminate: true }) },
    { weight: 2, arbitrary: fc.record({ give: identity }) },
    { weight: 1, arbitrary: fc.record({ prolong: identity }) },
    { weight: 1, arbitrary: fc.record({ take: identity }) },
  ),
});

type Write = typeof anyWrite extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/**
 * A request, its answer, and its effect on the model if it succeeds. `created` are ids that only the answer contains.
 */
type Attempt = {
  request: [method: string, path: string, body?: Json];
  status: number;
  error?: string;
  apply?: (created: string) => void;
};

type Where = { model: Model; person: Person; twin: Twin; now: number };

const NOT_ACCESSIBLE = "Entry not accessible.";

export function attemptOf(where: Where, what: Write["what"]): Attempt {
  if ("create" in what) return creation(where, what.create);
  if ("add" in what || "update" in what || "remove" in what) return entryAttempt(where, what);
  if ("give" in what || "prolong" in what || "take" in what) return identityAttempt(where, what);
  return twinAttempt(where, what);
}

function entryAttempt({ model, person, twin, now }: Where, what: Write["what"] & object): Attempt {
  const path = `/twins/${twin.id}/ledgers/personal`;
  const found = seesTwin(model, person, twin);
  const own = ledgerOf(model, twin, person.account);
  const seen = seenEntries(model, person, twin, person.account);
  const outcome = (status: number, error: string | undefined, apply: () => void) =>
    !found ? { status: 404 } : error ? { status, error } : { status, apply };

  if ("add" in what) {
    const entry: Entry = {
      twin: twin.id,
      account: person.account,
      name: what.add,
      kind: "value",
      value: what.value,
      source: null,
      visibility: null,
      records: null,
      createdAt: now,
      changedAt: now,
    };
    const exists = own.some((other) => other.name === what.add);
    const error = exists ? "Entry already exists." : mayHave(model, person, twin, entry) ? undefined : NOT_ACCESSIBLE;
    const request: Attempt["request"] = ["POST", path, { entries: { [what.add]: { value: what.value } } }];
    return { request, ...outcome(201, error, () => model.entries.push(entry)) };
  }
  if ("update" in what) {
    const entry = seen.find((other) => other.name === what.update);
    const after = entry && { ...entry, value: what.value };
    const error = !after
      ? NOT_ACCESSIBLE
      : after.kind !== "value"
        ? "Entry value cannot be changed."
        : mayHave(model, person, twin, after)
          ? undefined
          : NOT_ACCESSIBLE;
    const apply = () => {
      if (!entry || JSON.stringify(entry.value) === JSON.stringify(what.value)) return;
      Object.assign(entry, { value: what.value, changedAt: now });
      entry.records?.push({ at: now, value: what.value });
    };
    const body = { entries: { [what.update]: { value: what.value } } };
    return { request: ["PATCH", what.valueOnly ? `${path}/value` : path, body], ...outcome(200, error, apply) };
  }
  if (!("remove" in what)) throw new Error("not about an entry");
  const entry = seen.find((other) => other.name === what.remove);
  const apply = () => {
    model.entries = model.entries.filter((other) => other !== entry);
  };
  const error = entry ? undefined : NOT_ACCESSIBLE;
  return { request: ["DELETE", `${path}?entries=${what.remove}`], ...outcome(200, error, apply) };
}

function twinAttempt({ model, person, twin, now }: Where, what: Write["what"]): Attempt {
  const path = `/twins/${twin.id}`;
  const refusal = !seesTwin(model, person, twin)
    ? 404
    : twin.owner !== person.account
      ? 403
      : twin.terminatedAt
        ? 400
        : undefined;
  if ("describe" in what) {
    const request: Attempt["request"] = ["PATCH", path, { description: what.describe }];
    const mayBe = seesTwin(model, person, { ...twin, description: what.describe });
    const status = refusal ?? (mayBe ? 200 : 403);
    return { request, status, apply: () => Object.assign(twin, { description: what.describe, updatedAt: now }) };
  }
  const apply = () => Object.assign(twin, { updatedAt: now, terminatedAt: now });
  return { request: ["DELETE", path], status: refusal ?? 200, apply };
}

function creation({ model, person, now }: Where, told: Json): Attempt {
  const twin: Twin = {
    id: "not known yet",
    owner: person.account,
    description: told,
    createdAt: now,
    updatedAt: now,
    terminatedAt: null,
  };
  const status = seesTwin(model, person, twin) ? 201 : 403;
  const apply = (id: string) => model.twins.push({ ...twin, id });
  return { request: ["POST", "/twins", { description: told }], status, apply };
}

function identityAttempt({ model, person, twin, now }: Where, what: Write["what"]): Attempt {
  const path = `/twins/${twin.id}/identities`;
  const isFound = seesTwin(model, person, twin);
  const asked = "give" in what ? what.give : "prolong" in what ? what.prolong : "take" in what ? what.take : "";
  const known = model.identities.find(
    (other) => other.twin === twin.id && other.account === person.account && other.name === asked,
  );
  if ("give" in what) {
    const given = {
      twin: twin.id,
      account: person.account,
      name: asked,
      visibility: null,
      expiresAt: null,
      createdAt: now,
      updatedAt: now,
    };
    const request: Attempt["request"] = ["POST", path, { identities: { [asked]: null } }];
    if (!isFound) return { request, status: 404 };
    if (known) return { request, status: 201, error: "Identity already exists." };
    if (!seesIdentity(model, person, twin, given)) return { request, status: 201, error: "Identity not accessible." };
    return { request, status: 201, apply: () => model.identities.push(given) };
  }
  const status = isFound && known && seesIdentity(model, person, twin, known) ? 200 : 404;
  const one = `${path}/${encodeURIComponent(asked)}`;
  if ("prolong" in what) {
    const apply = () => known && Object.assign(known, { expiresAt: null, updatedAt: now });
    return { request: ["PATCH", one, { validity_ts: null }], status, apply };
  }
  const apply = () => {
    model.identities = model.identities.filter((other) => other !== known);
  };
  return { request: ["DELETE", one], status, apply };
}
