import { Hono } from "hono";

// The floor: what the same framework on the same runtime does without any work. `floor.ts` starts it as a process of
// its own, with the size of the constant response as its argument.

const MEMBER = '{"constant":""}';
const size = Math.max(MEMBER.length, Number(process.argv[2] ?? 0));
const constant = JSON.stringify({ constant: "x".repeat(size - MEMBER.length) });

const app = new Hono();
// A prepared text is faster than `c.json`: the floor is as high as Hono allows.
app.get("/constant", (c) => c.body(constant, 200, { "content-type": "application/json" }));
app.on(["PATCH", "PUT"], "/echo", async (c) => c.json(await c.req.json()));

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  fetch: (request) => app.fetch(request),
});
process.stdout.write(`${server.port}\n`);
