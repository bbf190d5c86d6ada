import { SYSTEM } from "../../../src/kernel/actor.ts";
import { writeJson } from "../../../src/kernel/json-text.ts";
import { type Publication, publish } from "../../../src/notifications/model/publish.ts";
import type { Net } from "../../../src/platform/net.ts";
import { command } from "../../../src/store/sqlite/command.ts";
import { newTwin } from "../world/ledger.ts";
import { type Caller, type Json, openWorld, type World } from "../world/world.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

/** Publishes as a change would, in a transaction of its own. */
const publishAlone = command("publish_alone", (tx, _actor, publications: Publication[]) => {
  for (const publication of publications) publish(tx, publication);
});

const LOOPBACK = "127.0.0.0/8,::1/128";
export const PUBLIC_URL = "https://twins.example";

type Wish = { topic?: string; path?: string; receiver?: Receiver } & Record<string, unknown>;

/** A company with a twin, a receiver of its webhooks, and a server that delivers, under a clock that the test moves. */
export async function openNotified(settings: Record<string, string> = {}, net?: Net) {
  const world = await openWorld({ "webhook-allow": LOOPBACK, "public-url": PUBLIC_URL, ...settings }, net);
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const receiver = startReceiver();
  world.deliverer.start();

  /** Subscribes, without confirming. */
  const subscribe = (caller: Caller, { topic = "red", path = "/hook", receiver: at = receiver, ...rest }: Wish = {}) =>
    caller.call("POST", "/notifications/webhooks", { callback_url: `${at.url}${path}`, topic, ...rest });

  return {
    world,
    company,
    twin,
    receiver,
    subscribe,
    /**
     * Subscribes and confirms, like a receiver that follows the link. Returns the response, and the subscription's id.
     */
    async confirmed(caller: Caller = company, wish: Wish = {}) {
      const { body } = await subscribe(caller, wish);
      await world.deliverer.settled();
      const at = wish.receiver ?? receiver;
      const message = at.of("Confirmation").at(-1);
      const links = (await world.call("GET", pathOf(message?.body.confirmation_url))).body;
      const { subscriptions } = (await caller.call("GET", "/notifications/subscriptions")).body;
      return { ...body, links, uuid: subscriptions.at(-1).uuid as string };
    },
    /** Publishes an event, and waits until all due deliveries have been sent. */
    async publish(event: Json = { color: "red" }, about: Partial<Publication> = {}) {
      await publishLater(world, [
        {
          accountId: company.account,
          twinId: twin,
          trigger: "sticker.put",
          topics: ["red"],
          ...about,
          event: writeJson(event),
        },
      ]);
      await world.deliverer.settled();
    },
    /** Moves the clock in steps, sending what falls due after each, until `ms` are over. */
    async pass(ms: number, step = ms) {
      for (let left = ms; left > 0; left -= step) {
        world.clock.advance(Math.min(step, left));
        await world.scheduler.settled();
        await world.deliverer.settled();
      }
    },
    deliveries: async (query = "") => (await company.call("GET", `/notifications/deliveries${query}`)).body.deliveries,
    delivery: async (uuid: string) => (await company.call("GET", `/notifications/deliveries/${uuid}`)).body,
    async [Symbol.asyncDispose]() {
      await receiver[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** In one transaction, without waiting for deliveries. */
export const publishLater = (world: World, publications: Publication[]) =>
  world.store.write(publishAlone, SYSTEM, publications);

/** A link's path on the server under test, whatever its public address. */
export function pathOf(link: string): string {
  const { pathname, search } = new URL(link);
  return `${pathname}${search}`;
}

export type Notified = Awaited<ReturnType<typeof openNotified>>;

/** Moves the clock from one attempt to the next, while there is one within the time. */
export async function passAttempts({ world, company }: Notified, ms: number, uuid: string): Promise<void> {
  const end = world.clock.now() + ms;
  for (;;) {
    const { next_attempt_ts: next } = (await company.call("GET", `/notifications/deliveries/${uuid}`)).body;
    if (next === undefined || next * 1000 > end) break;
    world.clock.advance(next * 1000 - world.clock.now());
    await world.deliverer.settled();
  }
  world.clock.advance(Math.max(0, end - world.clock.now()));
  await world.deliverer.settled();
}

/** The id of the latest message. */
export const newestDelivery = async (notified: Notified) => (await notified.deliveries("?limit=1"))[0].uuid as string;
