import { createAccount, startServer, temporaryFolder } from "../../test/support/process/server-process.ts";
import { playChecks } from "./alarm-checks.ts";
import { playDevice } from "./alarm-device.ts";
import { playConcurrency, playDocuments } from "./alarm-documents.ts";
import { Narrator } from "./narrator.ts";

/** A server with an account, and how devices reach it. */
export type Stage = {
  narrator: Narrator;
  account: string;
  /** The phone app's secret, in the token spelling. */
  token: string;
  deviceUrl: string;
};

/** The vendor's tutorial, steps 1 to 26 of the specification's walk-through, against a fresh server. */
export async function playAlarm(): Promise<void> {
  using folder = temporaryFolder();
  const options = { dataDir: folder.path, env: { TWINPOST_MQTT: "off" } };
  await using server = await startServer(options);
  const { account, token } = await createAccount(options, "Home security");
  const narrator = new Narrator(server.url);
  await playAlarmStory({ narrator, account, token, deviceUrl: server.url.replace("http:", "ws:") });
}

/** A panel in the hall, an app on a phone, and the documents that they share. */
export async function playAlarmStory(stage: Stage): Promise<void> {
  const { narrator, account, token } = stage;
  narrator.name(account, "Home security");
  narrator.name(token, "token");
  await using cast = await playDevice(stage);
  await playDocuments(cast);
  await playConcurrency(cast);
  await playChecks(cast);
  narrator.end();
}
