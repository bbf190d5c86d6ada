import { expect, test } from "bun:test";
import { playAlarmStory } from "../../scripts/demo/alarm.ts";
import { Narrator } from "../../scripts/demo/narrator.ts";
import { createAccount, startServer, temporaryFolder } from "../support/process/server-process.ts";

// The story of test/scenarios/alarm-panel.test.ts again, with the real server.

for (const transport of ["WebSocket", "TCP"]) {
  test(`a panel and a phone app share desired and current state, by ${transport}`, async () => {
    using folder = temporaryFolder();
    const options = { dataDir: folder.path };
    await using server = await startServer(options);
    const { account, token } = await createAccount(options);
    const lines: string[] = [];
    const narrator = new Narrator(server.url, (line) => lines.push(line));
    const deviceUrl = transport === "TCP" ? server.mqttUrl : server.url.replace("http:", "ws:");
    await playAlarmStory({ narrator, account, token, deviceUrl });
    expect(lines.at(-1)).toContain("All 26 steps went as they should.");
  });
}
