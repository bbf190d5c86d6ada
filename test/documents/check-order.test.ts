import { expect, test } from "bun:test";
import { HUB, openHub } from "../support/world/hub.ts";
import { newTwin } from "../support/world/ledger.ts";
import type { Json } from "../support/world/world.ts";

test("if both name and JSON are invalid, the hub API reports the name and the account API reports the JSON", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  const put = (path: string, headers: Record<string, string>) => h.world.call("PUT", path, { raw: "{", headers });

  const hubAnswer = await put(`${HUB}/twins/${device.id}/documents/a%20b`, { "x-auth-token": h.caller.token });
  expect([hubAnswer.status, hubAnswer.body.details.map((detail: Json) => detail.argument_name)]).toEqual([
    400,
    ["document_name"],
  ]);
  const malformed = await put(`${HUB}/twins/${device.id}/documents/ab`, { "x-auth-token": h.caller.token });
  expect(malformed.body.details.map((detail: Json) => detail.argument_name)).toEqual(["body"]);

  const twin = await newTwin(h.caller);
  const accountAnswer = await put(`/twins/${twin}/documents/a%20b`, { authorization: h.caller.authorization });
  expect([accountAnswer.status, accountAnswer.body.subcode]).toEqual([400, 400_415]);
});
