// A hostile company in its own process.

import { type Attacker, answers, FLOODS, type FloodName } from "./floods.ts";

export type FloodJob = { flood: FloodName; attackers: Omit<Attacker, "trap">[] };
export type FloodReport = { underWay: true } | { answers: Record<number, number> };

const send = (report: FloodReport) => process.send?.(report);

/** Confirms what it is asked to confirm, and then never responds. */
function openTrap(serverUrl: string): string {
  const { port } = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const body = (await request.json()) as { confirmation_url?: string };
      if (!body.confirmation_url) return new Promise<Response>(() => {});
      const { pathname, search } = new URL(body.confirmation_url);
      await fetch(`${serverUrl}${pathname}${search}`);
      return new Response(null, { status: 204 });
    },
  });
  return `http://127.0.0.1:${port}`;
}

process.on("message", async (message: FloodJob | "report") => {
  if (message === "report") {
    send({ answers });
    return;
  }
  const { flood, attackers } = message;
  await Promise.all(attackers.map((attacker) => FLOODS[flood]({ ...attacker, trap: openTrap(attacker.url) })));
  send({ underWay: true });
});
process.on("disconnect", () => process.exit(0));
// A server defends itself by closing connections in many ways; the flood continues.
process.on("uncaughtException", () => {});
process.on("unhandledRejection", () => {});
