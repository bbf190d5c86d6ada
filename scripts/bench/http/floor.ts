import { join } from "node:path";

/** A running floor server. */
export type Floor = AsyncDisposable & { url: string; pid: number };

/** Starts the floor: `/constant` returns a JSON document of this many bytes, and `/echo` its request's body. */
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
