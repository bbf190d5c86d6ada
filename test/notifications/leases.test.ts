import { expect, test } from "bun:test";
import type { Deps } from "../../src/deps.ts";
import { Deliverer } from "../../src/jobs/deliverer.ts";
import { DomainError } from "../../src/kernel/failure.ts";
import { settleDelivery } from "../../src/notifications/deliveries/settle-delivery.ts";
import { openNotified } from "../support/notifications/open-notified.ts";
import type { Json } from "../support/world/world.ts";

const SECOND = 1000;

test("a message that waits for its retry does not delay later ones, but no two about one twin are in flight at once", async () => {
  await using notified = await openNotified();
  const { twin, receiver } = notified;
  await notified.confirmed();
  let out = 0;
  let most = 0;
  receiver.state.respond = async ({ body }) => {
    most = Math.max(most, ++out);
    await new Promise((done) => setTimeout(done, 2));
    out--;
    return new Response("", { status: body.event.n === 1 && receiver.of("Notification").length < 9 ? 500 : 200 });
  };
  for (let n = 1; n <= 8; n++) {
    await notified.publish({ n }, { twinId: twin });
    // The first has failed, and the endpoint is held for a moment; the second shows that it is healthy.
    if (n === 2) expect(receiver.of("Notification").length).toBe(1);
    await notified.pass(100);
  }
  const order = () => receiver.of("Notification").map(({ body }) => body.event.n);
  expect([most, order()]).toEqual([1, [1, 2, 3, 4, 5, 6, 7, 8]]);
  await notified.pass(6 * SECOND);
  expect(order()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 1]);
});

test("two deliverers on one store never send one message twice, and never two about one twin at once", async () => {
  await using notified = await openNotified();
  const { world, company, receiver } = notified;
  await notified.confirmed();
  const second = new Deliverer(world.deps);
  second.start();
  const out = new Set<string>();
  receiver.state.respond = async ({ body }) => {
    expect(out.has(body.twin)).toBe(false);
    out.add(body.twin);
    await new Promise((done) => setTimeout(done, 1));
    out.delete(body.twin);
    return new Response();
  };
  const twins = Array.from({ length: 5 }, () => crypto.randomUUID());
  for (let n = 0; n < 40; n++) await notified.publish({ n }, { twinId: twins[n % 5] as string });
  await second.settled();
  await second.stop(0);
  const numbers = receiver.of("Notification").map(({ body }) => body.number);
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  expect((await company.call("GET", "/notifications/deliveries?state=delivered")).body.deliveries.length).toBe(41);
});

test("messages in flight of a lost deliverer are sent again by the next, once their lease is over", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  await notified.confirmed();
  const hanging = Promise.withResolvers<Response>();
  receiver.state.respond = () => hanging.promise;
  const arrived = receiver.arrived(2);
  const publishing = notified.publish();
  await arrived;
  const [sending] = await notified.deliveries("?state=sending");
  const next = new Deliverer(world.deps);
  next.start();
  await next.settled();
  expect(receiver.messages.length).toBe(2);
  receiver.state.respond = () => new Response();
  await world.deliverer.stop(0);
  await publishing;
  hanging.resolve(new Response());
  next.start();
  await next.settled();
  world.clock.advance(21 * SECOND);
  await next.settled();
  expect(receiver.messages.length).toBe(3);
  const delivery = await notified.delivery(sending.uuid);
  expect(delivery.state).toBe("delivered");
  expect(delivery.attempts.map(({ error }: Json) => error ?? null)).toEqual(["interrupted", null]);
  await next.stop(0);
});

test("a message whose outcome waits for a busy writer beyond its lease is not sent again, unless the outcome is lost", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  await notified.confirmed();
  await world.deliverer.stop(0);
  // A writer that accepts outcomes when the test lets it.
  let busy = Promise.withResolvers<void>();
  let outcomes = 0;
  const outcome = async (count: number) => {
    while (outcomes < count) await new Promise((done) => setImmediate(done));
  };
  const { store } = world.deps;
  const write: Deps["store"]["write"] = async (command, ...rest) => {
    if ((command as unknown) === settleDelivery) {
      outcomes++;
      await busy.promise;
    }
    return await store.write(command, ...rest);
  };
  const deliverer = new Deliverer({ ...world.deps, store: { ...store, write } });
  deliverer.start();
  await notified.publish({ n: 1 });
  await outcome(1);
  const [{ uuid }] = await notified.deliveries("?state=sending");
  for (let n = 0; n < 5; n++) {
    world.clock.advance(20 * SECOND);
    // Other messages are looked for and sent meanwhile.
    await notified.publish({}, { twinId: crypto.randomUUID() });
    await outcome(2 + n);
  }
  busy.resolve();
  await deliverer.settled();
  expect((await notified.delivery(uuid)).attempts.map(({ error }: Json) => error ?? null)).toEqual([null]);
  expect(receiver.of("Notification").length).toBe(6);

  busy = Promise.withResolvers();
  await notified.publish({ n: 2 });
  await outcome(7);
  busy.reject(new Error("no disk"));
  await deliverer.settled();
  busy = Promise.withResolvers();
  busy.resolve();
  world.clock.advance(20 * SECOND);
  await deliverer.settled();
  expect(receiver.messages.length).toBe(9);
  await deliverer.stop(0);
});

test("an outcome is stored even if its account has too many writes queued", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  await world.deliverer.stop(0);
  const { store } = world.deps;
  const owners: unknown[] = [];
  const write: Deps["store"]["write"] = async (command, actor, input, owner) => {
    if ((command as unknown) === settleDelivery) {
      owners.push(owner);
      if (owner) throw new DomainError({ code: "limited", kind: "rate", message: "too many" });
    }
    return await store.write(command, actor, input, owner);
  };
  const deliverer = new Deliverer({ ...world.deps, store: { ...store, write } });
  deliverer.start();
  await notified.subscribe(notified.company);
  await deliverer.settled();
  expect(owners).toEqual([{ account: notified.company.account, member: "webhooks" }, undefined]);
  expect((await notified.deliveries())[0].state).toBe("delivered");
  expect(receiver.messages.length).toBe(1);
  await deliverer.stop(0);
});
