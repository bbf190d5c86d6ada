import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "../process/server-process.ts";

/** The reference broker, if it is installed. */
export const MOSQUITTO = Bun.which("mosquitto", { PATH: `${process.env["PATH"]}:/usr/sbin` });

/** A mosquitto on free ports, that accepts every client. It persists nothing, and logs little, which saves time. */
export async function startMosquitto(settings: string[] = []) {
  if (!MOSQUITTO) throw new Error("mosquitto is not installed");
  const folder = temporaryFolder();
  const [tcp, websocket] = [await freePort(), await freePort()];
  const file = join(folder.path, "mosquitto.conf");
  const listeners = [`listener ${tcp} 127.0.0.1`, `listener ${websocket} 127.0.0.1`, "protocol websockets"];
  writeFileSync(file, [...settings, "allow_anonymous true", "log_type information", ...listeners, ""].join("\n"));
  const child = Bun.spawn([MOSQUITTO, "-c", file], { stdout: "ignore", stderr: "pipe" });
  await untilItSays(child.stderr, "running");
  return {
    tcp,
    websocket,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      folder[Symbol.dispose]();
    },
  };
}

/** Mosquitto cannot choose a free port itself. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === "object" ? address.port : 0));
    });
  });
}

/** Keeps reading after that, so that the process never blocks on its output. */
async function untilItSays(stream: ReadableStream<Uint8Array>, word: string): Promise<void> {
  const reader = stream.getReader();
  let said = "";
  while (!said.includes(word)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`mosquitto ended: ${said}`);
    said += new TextDecoder().decode(value);
  }
  void (async () => {
    while (!(await reader.read()).done);
  })();
}
