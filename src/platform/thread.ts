import { parentPort, Worker } from "node:worker_threads";
import type { ThreadPort } from "../kernel/thread-port.ts";
import { isBuilt } from "./process.ts";

/** The built executable bundles the thread's program separately. */
const WRITER = new URL(isBuilt ? "./writer.js" : "../writer.ts", import.meta.url);

/** Starts the writer thread. An uncaught error in it ends the whole program: otherwise callers would wait for ever. */
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

/** The port to the thread that started this one. */
export function enclosingPort(): ThreadPort {
  const port = parentPort;
  if (!port) throw new Error("this is not a worker thread");
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listen) => port.on("message", listen),
  };
}
