import { expect, test } from "bun:test";
import { systemNet } from "../../src/platform/net.ts";
import { NXDOMAIN, startDns } from "../support/http/dns-server.ts";
import { openNotified } from "../support/notifications/open-notified.ts";
import { startReceiver } from "../support/notifications/receiver.ts";
import type { Json } from "../support/world/world.ts";

// A real DNS server that never answers for *.slow.test, and real look-ups.

const startHostileDns = () =>
  startDns((name) => {
    if (name.endsWith(".slow.test")) return undefined;
    return name === "hooks.test" ? { addresses: ["127.0.0.1"] } : NXDOMAIN;
  });

test("a hundred names that no server answers for delay neither the message of another account nor a new hub, and end with their attempts", async () => {
  await using dns = await startHostileDns();
  await using notified = await openNotified({}, systemNet({ servers: [dns.server] }));
  const { world, company, receiver, subscribe } = notified;
  const hostile = await world.createAccount("Hostile");
  for (let n = 0; n < 100; n++) {
    const callback_url = `http://h${n}.slow.test/`;
    expect((await hostile.call("POST", "/notifications/webhooks", { callback_url, topic: "x" })).status).toBe(201);
  }
  await dns.wasAsked(8);
  const arrived = receiver.arrived(1);
  const url = `http://hooks.test:${receiver.port}`;
  expect((await subscribe(company, { receiver: { ...receiver, url } })).status).toBe(201);
  await arrived;
  const hub = { name: "some_hub", product_plan: "plan_dedicated" };
  const headers = { "x-auth-token": company.token };
  expect((await world.call("POST", "/iot/v1/regions/fr-par/hubs", { body: hub, headers })).status).toBe(200);
  const asked = () => new Set(dns.asked.filter((one) => one.includes("slow")).map((one) => one.split(" ")[0])).size;
  expect(asked()).toBe(4);

  // The attempt's ten seconds count from its beginning, including the wait for a look-up: names whose turn did not come
  // were not looked up.
  world.clock.advance(10_000);
  await world.deliverer.settled();
  const { deliveries } = (await hostile.call("GET", "/notifications/deliveries?limit=100")).body;
  expect(new Set(deliveries.map(({ state }: Json) => state))).toEqual(new Set(["waiting"]));
  const [{ uuid }] = deliveries;
  const { attempts } = (await hostile.call("GET", `/notifications/deliveries/${uuid}`)).body;
  expect(attempts).toMatchObject([{ error: "timeout", duration_ms: 10_000 }]);
  expect(asked()).toBeLessThanOrEqual(8);
});

test("a name is resolved again if nothing listens at its address, and a cached address is checked like a new one", async () => {
  await using moved = startReceiver();
  let address = "127.0.0.9";
  await using dns = await startDns(() => ({ addresses: [address], ttl: 300 }));
  const net = systemNet({ servers: [dns.server] });
  await using notified = await openNotified({ "webhook-allow": "127.0.0.0/8" }, net);
  const { world, company } = notified;
  const subscribed = { callback_url: `http://moving.test:${moved.port}/`, topic: "red" };
  await company.call("POST", "/notifications/webhooks", subscribed);
  await world.deliverer.settled();
  expect([moved.messages.length, dns.asked.length]).toEqual([0, 2]);
  address = "127.0.0.1";
  await notified.pass(6000);
  expect([moved.messages.length, dns.asked.length]).toEqual([1, 4]);

  // Cached now, and refused all the same where only public addresses are allowed.
  await using strict = await openNotified({ "webhook-allow": "" }, net);
  await strict.company.call("POST", "/notifications/webhooks", subscribed);
  await strict.world.deliverer.settled();
  const [{ uuid }] = await strict.deliveries();
  expect((await strict.delivery(uuid)).attempts[0].error).toBe("address");
  expect([moved.messages.length, dns.asked.length]).toEqual([1, 4]);
});

test("names that refer to this machine are refused without a look-up", async () => {
  await using dns = await startDns(() => ({ addresses: ["198.20.0.1"] }));
  await using notified = await openNotified({ "webhook-allow": "" }, systemNet({ servers: [dns.server] }));
  for (const host of ["localhost", "localhost.", "LOCALHOST", "sub.localhost"]) {
    const callback_url = `http://${host}:${notified.receiver.port}/`;
    await notified.company.call("POST", "/notifications/webhooks", { callback_url, topic: "red" });
    await notified.world.deliverer.settled();
    const [{ uuid }] = await notified.deliveries("?limit=1");
    expect([host, (await notified.delivery(uuid)).attempts[0].error]).toEqual([host, "address"]);
  }
  expect([dns.asked, notified.receiver.messages]).toEqual([[], []]);
});
