import { expect, test } from "bun:test";
import { openInbox } from "../support/notifications/inbox.ts";
import { openStickers } from "../support/world/sticker.ts";
import type { Json } from "../support/world/world.ts";

// The part of the vendor's tutorial that needs subscriptions and a receiver of their messages: steps 24 to 33, 37 to 40 of the
// specification's walk-through (section 5), over the real app and a real receiver.

const CONTRACTOR = "/contractor";
const METER = "/meter";

/** The path of a link that was handed out: the app of a test has no address of its own. */
const pathOf = (link: string) => {
  const { pathname, search } = new URL(link);
  return `${pathname}${search}`;
};

test("the contractor and the meter company receive messages about the stickers they subscribed to, and about nothing else", async () => {
  await using inbox = openInbox();
  await using opened = await openStickers({ "webhook-allow": "127.0.0.0/8" }, { listening: false });
  const { world, company, desk, contractor, twin, put, remove, seconds } = opened;
  world.scheduler.start();
  world.deliverer.start();
  const tomorrow = seconds() + 86_400;
  const red = {
    note: "Leaking valve, please repair",
    recipients: [contractor.user, desk.user],
    validity_ts: tomorrow,
    publish: { on_put: ["red"], on_remove: ["task-completed"], on_expire: ["task-expired"] },
  };
  // That a subscription will lapse in a day, as one that was refreshed for a day will, is another story.
  const kinds = (path: string) =>
    inbox.at(path).flatMap((message: Json) => (message.type === "Expiring" ? [] : (message.trigger ?? message.type)));

  // 24-25: the contractor subscribes to the topic of the color, and is asked to confirm.
  const subscribed = await contractor.call("POST", "/notifications/webhooks", {
    callback_url: inbox.url(CONTRACTOR),
    topic: "red",
    expires: 604_800,
  });
  const subscription = { topic: "red", account: company.account, validity_ts: seconds() + 604_800 };
  expect([subscribed.status, subscribed.body]).toMatchObject([
    201,
    { subscription, callback_url: inbox.url(CONTRACTOR) },
  ]);
  expect(subscribed.body).not.toHaveProperty("server_secret");
  const [confirmation] = await inbox.untilCount(CONTRACTOR, 1);
  expect(confirmation).toMatchObject({ type: "Confirmation", subscription });
  expect(confirmation).not.toHaveProperty("hash");

  // Until then nothing else is delivered.
  await put({ red });
  await remove(contractor, "red");

  // 26: without an account in the path, without a secret.
  const token = new URL(confirmation.confirmation_url).searchParams.get("token");
  const confirmed = await world.call("GET", `/notifications/webhooks/?token=${token}`);
  expect([confirmed.status, confirmed.body.subscription]).toMatchObject([200, subscription]);
  const { refresh_url, unsubscribe_url } = confirmed.body.subscription;

  // 27-28: the color is free again, and the contractor is told that it was put.
  expect((await put({ red })).body.stickers.red.note).toBe(red.note);
  const created_ts = seconds();
  const [, notification] = await inbox.untilCount(CONTRACTOR, 2);
  expect(notification).toMatchObject({
    type: "Notification",
    trigger: "sticker.put",
    twin,
    subscription: { ...subscription, refresh_url, unsubscribe_url },
    event: { color: "red", note: red.note, validity_ts: tomorrow, created_ts, account: company.account },
  });

  // 29-31: the meter company wants to know what is done.
  const interested = await desk.call("POST", "/notifications/webhooks", {
    callback_url: inbox.url(METER),
    topic: "task-completed",
  });
  expect([interested.status, interested.body.subscription.validity_ts]).toEqual([201, seconds() + 604_800]);
  const [ask] = await inbox.untilCount(METER, 1);
  expect((await world.call("GET", pathOf(ask.confirmation_url))).status).toBe(200);

  // 32-33: the contractor takes the sticker off; the meter company is told, the contractor is not.
  expect((await remove(contractor, "red")).status).toBe(200);
  const [, done] = await inbox.untilCount(METER, 2);
  expect(done).toMatchObject({
    trigger: "sticker.removed",
    event: { color: "red" },
    subscription: { topic: "task-completed" },
  });
  await world.scheduler.settled();
  expect(kinds(CONTRACTOR)).toEqual(["Confirmation", "sticker.put"]);

  // 37: subscribers of the topic are told of a sticker that expired.
  await desk.call("POST", "/notifications/webhooks", { callback_url: inbox.url("/expired"), topic: "task-expired" });
  const [last] = await inbox.untilCount("/expired", 1);
  await world.call("GET", pathOf(last.confirmation_url));
  await put({ yellow: { ...red, note: "Yearly review", publish: { on_expire: ["task-expired"] } } });
  world.clock.advance(tomorrow * 1000 - world.clock.now());
  const [, expired] = await inbox.untilCount("/expired", 2);
  expect(expired).toMatchObject({ trigger: "sticker.expired", event: { color: "yellow", note: "Yearly review" } });
  expect((await contractor.call("GET", "/stickers")).body.stickers).toEqual([]);

  // 38: refreshed for a day from now.
  const refreshed = await world.call("PATCH", pathOf(refresh_url), { body: { expires: 86_400 } });
  expect([refreshed.status, refreshed.body.subscription.validity_ts]).toEqual([200, seconds() + 86_400]);

  // 39: the subscription has ended: a sticker put afterwards is not delivered, and the old links are invalid.
  expect((await world.call("DELETE", pathOf(unsubscribe_url))).status).toBe(200);
  for (const [method, link] of [
    ["GET", confirmation.confirmation_url],
    ["PATCH", refresh_url],
    ["DELETE", unsubscribe_url],
  ]) {
    const gone = await world.call(method as string, pathOf(link as string));
    expect([method, gone.status, gone.body.subcode]).toEqual([method, 404, 404_653]);
  }
  await put({ red: { ...red, validity_ts: seconds() + 86_400 } });

  // 40: two take it off at once; one does, and one message tells of it.
  const answers = await Promise.all([remove(desk, "red"), remove(contractor, "red")]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
  await inbox.untilCount(METER, 3);
  await world.scheduler.settled();
  expect(kinds(METER)).toEqual(["Confirmation", "sticker.removed", "sticker.removed"]);
  expect(kinds(CONTRACTOR)).toEqual(["Confirmation", "sticker.put"]);
  expect(kinds("/expired")).toEqual(["Confirmation", "sticker.expired"]);
});
