import { expect, test } from "bun:test";
import { Deliverer } from "../../src/jobs/deliverer.ts";
import { openNotified } from "../support/notified.ts";
import type { Json } from "../support/world.ts";

const SECOND = 1000;

test("a message that waits for its retry does not hold up what comes after it, but no two about one twin are out at once", async () => {
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
    // The first has failed, and an endpoint that has is left alone for a moment; the second shows that it is well.
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

test("what a deliverer that is gone had on its way is sent again by the next, once its lease is over", async () => {
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
