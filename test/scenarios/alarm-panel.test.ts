import { expect, test } from "bun:test";
import { playAlarmStory } from "../../scripts/demo/alarm.ts";
import { Narrator } from "../../scripts/demo/narrator.ts";
import { serveBroker } from "../support/mqtt/served-broker.ts";
import { openWorld } from "../support/world/world.ts";

// The vendor's tutorial about an alarm panel: steps 1 to 26 of the specification's walk-through, with the stock client mqtt.js. The
// story itself is the one that `bun run demo alarm` tells.

for (const transport of ["WebSocket", "TCP"] as const) {
  test(`a panel and a phone app share what is desired and what is, by ${transport}`, async () => {
    await using world = await openWorld();
    const { account, token } = await world.createAccount();
    const served = await serveBroker(world);
    await using _ = { [Symbol.asyncDispose]: () => served.stop() };
    const { tcp, websocket } = served.addresses;
    const deviceUrl = transport === "TCP" ? `mqtt://127.0.0.1:${tcp.port}` : `ws://127.0.0.1:${websocket.port}`;
    const told: string[] = [];
    const narrator = new Narrator(world.listen(), (line) => told.push(line));
    await playAlarmStory({ narrator, account, token, deviceUrl });
    expect(told.at(-1)).toContain("All 26 steps went as they should.");
  });
}
