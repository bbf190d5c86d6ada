import { expect, setDefaultTimeout, test } from "bun:test";
import { createAccount } from "../../support/process/server-process.ts";
import { openSiege, say } from "../server/attacked-server.ts";
import { head, MB, outcome, tally } from "../server/request-outcome.ts";

setDefaultTimeout(240_000);

const every = (ms: number, run: () => void) => {
  const timer = setInterval(run, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
};

test("a document of 1 MiB arrives over a link of 64 kbit/s while four accounts announce bodies that do not arrive", async () => {
  await using siege = await openSiege();
  const openPath = async (headers: Record<string, string>) => {
    const wire = await siege.open();
    const { text } = await wire.call("POST", "/twins", { headers, body: "{}" });
    return `/twins/${JSON.parse(text).creation_certificate.uuid}/documents/current`;
  };
  const hostile: { headers: Record<string, string>; path: string }[] = [];
  for (let account = 0; account < 4; account += 1) {
    const headers = { authorization: (await createAccount(siege, `Hostile ${account}`)).secret };
    hostile.push({ headers, path: await openPath(headers) });
  }
  const drip = async ({ headers, path }: (typeof hostile)[number]) => {
    const wire = await siege.open();
    wire.send(head(`PUT ${path}`, { ...headers, "content-length": `${4 * MB}` }));
    return wire;
  };
  // Each is opened again as soon as it is closed.
  const wires = await Promise.all(
    hostile.flatMap((one) => Array.from({ length: 4 }, async () => ({ one, wire: await drip(one) }))),
  );
  let cut = 0;
  using _ = every(6_000, () => {
    for (const slow of wires) {
      if (slow.wire.isOpen) slow.wire.send(" ");
      else {
        cut += 1;
        void drip(slow.one).then((wire) => {
          slow.wire = wire;
        });
      }
    }
  });

  // Two that the runtime closes: one is idle between two requests, the other's small body is incomplete.
  const idle = await siege.open();
  await idle.call("GET", "/whoami", { headers: siege.headers });
  const small = await siege.open();
  small.send(head("POST /twins", { ...siege.headers, "content-length": "10000" }));
  using __ = every(6_000, () => {
    if (small.isOpen) small.send(" ");
  });

  const path = await openPath(siege.headers);
  const body = `{"data":{"a":"${"x".repeat(MB - 64)}"}}`;
  const slowLink = await siege.open();
  slowLink.send(head(`PUT ${path}`, { ...siege.headers, "content-length": `${body.length}` }));
  const began = performance.now();
  const answers: Promise<string>[] = [];
  for (let sent = 0; sent < body.length; sent += 4_000) {
    slowLink.send(body.slice(sent, sent + 4_000));
    await Bun.sleep(500);
    if (sent % 40_000 !== 0) continue;
    const wire = await siege.open();
    const large = `{"description":{"a":"${"x".repeat(60_000)}"}}`;
    answers.push(outcome(wire.call("POST", "/twins", { headers: siege.headers, body: large })));
  }
  expect(await outcome(slowLink.answer())).toBe("200 ");
  say(
    `1 MiB came in ${Math.round((performance.now() - began) / 1000)} s; ${cut} bodies that did not come were cut off`,
  );
  const found = tally(await Promise.all(answers));
  expect(found).toEqual({ "201 ": answers.length });
  expect(cut).toBeGreaterThan(16);
  expect([idle.isOpen, small.isOpen]).toEqual([false, false]);
  await siege.expectUnharmed();
});
