import { join } from "node:path";

/** A running floor server. */
export type Floor = AsyncDisposable & { url: string; pid: number };

/** Starts the floor, with `/constant` answering a JSON document of that many bytes and `/echo` what it was sent. */
export async function startFloor(answerBytes: number): Promise<Floor> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "floor-server.ts"), String(answerBytes)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (!value) throw new Error("the floor server did not start");
  return {
    url: `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}
