import { expect, test } from "bun:test";
import { RequestTurns } from "../../src/kernel/fairness/request-turns.ts";

const loud = (member = "a") => ({ account: "loud", member });
const quiet = { account: "quiet", member: "a" };
const nextTurn = () => new Promise((done) => setImmediate(done));

test("requests that fit into one turn of the event loop begin at once, also in the next turn", async () => {
  const turns = new RequestTurns();
  for (let turn = 0; turn < 3; turn += 1) {
    for (let i = 0; i < 64; i += 1) expect(turns.enter(loud())).toBeUndefined();
    await nextTurn();
    await nextTurn();
  }
});

test("a request of an account with few requests begins in the next turn, however many of another are waiting", async () => {
  const turns = new RequestTurns();
  const begun: string[] = [];
  const enter = (name: string, owner: typeof quiet) => {
    const turn = turns.enter(owner);
    if (turn) void turn.then(() => begun.push(name));
    else begun.push(name);
  };
  for (let i = 0; i < 1_000; i += 1) enter("loud", loud(`device ${i % 10}`));
  expect(begun.length).toBe(64);
  await nextTurn();
  enter("quiet", quiet);
  const before = begun.length;
  while (!begun.includes("quiet")) await nextTurn();
  expect(begun.indexOf("quiet") - before).toBeLessThan(64);
  while (begun.length < 1_001) await nextTurn();
});
