import { expect, test } from "bun:test";
import { Authenticator, credentialFrom } from "../../src/access/model/authenticate.ts";
import { userCommand } from "../../src/access/model/user-command.ts";
import { record } from "../../src/journal/record.ts";
import { conflict } from "../../src/kernel/failure.ts";
import { type JsonText, withRawJson, writeJson } from "../../src/kernel/json-text.ts";
import { getOwnTwin } from "../../src/twins/get-twin.ts";
import { saveDescription } from "../../src/twins/rows.ts";
import { updateTwin } from "../../src/twins/update-twin.ts";
import { openWorld } from "../support/world/world.ts";

type Input = { id: string; description: JsonText };

/** Writes to the twin and to the journal, then throws. */
const updateAndRefuse = userCommand("update_twin", (tx, actor, { id, description }: Input): never => {
  saveDescription(tx, { ...getOwnTwin(tx, actor, id), description, updatedAt: tx.now });
  record(tx, actor, {
    kind: "twin.updated",
    accountId: actor.accountId,
    twinId: id,
    data: withRawJson({}, { description }),
  });
  throw conflict("precondition", "changed its mind");
});

test("each of 8 000 concurrent updates of one twin takes effect completely and in order, or not at all, when a tenth fail after their first write", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const actor = await new Authenticator(world.deps).authenticate(credentialFrom(company.authorization));
  const id = (await company.call("POST", "/twins")).body.creation_certificate.uuid;
  const isRefused = (step: number) => step % 10 === 7;
  const steps = Array.from({ length: 8_000 }, (_, step) => step);

  const answers = await Promise.allSettled(
    steps.map((step) =>
      world.store.write(isRefused(step) ? updateAndRefuse : updateTwin, actor, {
        id,
        description: writeJson({ step }),
      }),
    ),
  );

  for (const [step, answer] of answers.entries())
    expect(answer.status).toBe(isRefused(step) ? "rejected" : "fulfilled");
  const kept = steps.filter((step) => !isRefused(step));
  const events = world.query("SELECT sequence, data FROM events WHERE kind = 'twin.updated' ORDER BY sequence");
  expect(events.map(({ data }) => JSON.parse(data).description.step)).toEqual(kept);
  const first = events[0].sequence;
  expect(events.map(({ sequence }) => sequence)).toEqual(kept.map((_, index) => first + index));
  expect((await company.call("GET", `/twins/${id}`)).body.description).toEqual({ step: kept.at(-1) });
});
