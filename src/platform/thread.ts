import { parentPort, Worker } from "node:worker_threads";
import type { ThreadPort } from "../kernel/thread-port.ts";
import { isBuilt } from "./process.ts";

/** In the built executable the thread's program is bundled on its own. */
const WRITER = new URL(isBuilt ? "./writer.js" : "../writer.ts", import.meta.url);

/** Begins the writer's thread. An error that nobody in it has caught is one of the program's, which ends: whatever waits would wait for ever. */
export function startWriterThread(): ThreadPort & { end(): void } {
  const thread = new Worker(WRITER);
  thread.on("error", (error) => {
    process.stderr.write(`twinpost: the writer's thread has failed: ${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  });
  return {
    send: (message) => thread.postMessage(message),
    onMessage: (listen) => thread.on("message", listen),
    end: () => void thread.terminate(),
  };
}

/** To the thread that has begun this one. */
export function enclosingPort(): ThreadPort {
  const port = parentPort;
  if (!port) throw new Error("this is no thread of its own");
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listen) => port.on("message", listen),
  };
}
