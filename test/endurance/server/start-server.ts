import { expect } from "bun:test";
import { Wire } from "../../support/http/http-connection.ts";
import { type Account, startServer } from "../../support/process/server-process.ts";

/** Starts the server, and returns how long its first response took. */
export async function start(dataDir: string, { secret }: Account) {
  const began = performance.now();
  const server = await startServer({ dataDir });
  const wire = await Wire.open(server.url);
  const { status } = await wire.call("GET", "/whoami", { headers: { authorization: secret } });
  expect(status).toBe(200);
  wire.close();
  return { server, startMs: performance.now() - began };
}

/** Waits for the moment while writing continues, which must not end by itself. */
export async function before(moment: Promise<void>, writing: Promise<unknown>): Promise<void> {
  const first = await Promise.race([moment.then(() => "the moment"), writing.then(() => "the end of the server")]);
  expect(first).toBe("the moment");
}
