import { expect } from "bun:test";
import fc from "fast-check";
import type { Json } from "../support/world/world.ts";
import { buildWorld, type Model, type Person, type Twin } from "./build-world.ts";
import { NOT_FOUND, questionsOf } from "./questions.ts";
import { anyPlan, anyWritersPlan } from "./random-world.ts";
import { anyWrite, attemptOf } from "./random-writes.ts";

const manyWrites = fc.array(anyWrite, { minLength: 80, maxLength: 140, size: "max" });

/** Builds random worlds and makes all requests in them; returns how many requests. */
export async function proveVisibility(numRuns: number, timeLimitMs: number): Promise<number> {
  let asked = 0;
  const property = fc.asyncProperty(anyPlan, async (plan) => {
    const { world, model } = await buildWorld(plan);
    await using _ = world;
    for (const [index, person] of model.people.entries()) asked += await askEverything(model, person, index);
  });
  await check(property, numRuns, timeLimitMs);
  return asked;
}

/** Makes users whom rules bind change what they can; returns how many changes succeeded and how many were refused. */
export async function proveWrites(numRuns: number, timeLimitMs: number): Promise<{ done: number; refused: number }> {
  const count = { done: 0, refused: 0 };
  const property = fc.asyncProperty(anyWritersPlan, manyWrites, async (plan, writes) => {
    const { world, model } = await buildWorld(plan);
    await using _ = world;
    const [admins, bound] = [0, 1].map((rest) => model.people.filter((_person, index) => index % 2 === rest));
    for (const [index, { by, twin, what }] of writes.entries()) {
      world.clock.advance(1000);
      const person = bound?.[by] as Person;
      const where = { model, person, twin: model.twins[twin] as Twin, now: world.clock.now() };
      const { request, status, error, apply } = attemptOf(where, what);
      const answer = await person.call(...request);
      const items = Object.values<Json>(answer.body.entries ?? answer.body.identities ?? {});
      const got = { status: answer.status, error: items[0]?.error };
      expect({ index, request, ...got }).toEqual({ index, request, status, error });
      const isDone = status < 300 && !error;
      if (isDone) apply?.(answer.body.creation_certificate?.uuid);
      count[isDone ? "done" : "refused"]++;
    }
    model.now = world.clock.now();
    for (const [index, admin] of (admins ?? []).entries()) await askEverything(model, admin, index);
  });
  await check(property, numRuns, timeLimitMs);
  return count;
}

async function askEverything(model: Model, person: Person, index: number): Promise<number> {
  let asked = 0;
  for (const { path, answer } of questionsOf(model, person)) {
    const { status, body } = await person.call("GET", path);
    const got = status === 404 && body.subcode === 404_653 ? NOT_FOUND : body;
    if (!Bun.deepEquals(got, answer)) expect({ index, path, got }).toEqual({ index, path, got: answer });
    asked++;
  }
  return asked;
}

/** When the time is over, reports what was found so far. */
const check = <Drawn>(property: fc.IAsyncProperty<Drawn>, numRuns: number, timeLimitMs: number) =>
  fc.assert(property, { numRuns, interruptAfterTimeLimit: timeLimitMs, markInterruptAsFailure: true });
