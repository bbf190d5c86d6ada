import { keepDocumentBases } from "../../../src/documents/keep-bases.ts";
import { keepAllMessageCounts } from "../../../src/hub/metrics/count-messages.ts";
import { pruneEvents } from "../../../src/journal/prune-events.ts";
import { SYSTEM } from "../../../src/kernel/actor.ts";
import { copyReferences } from "../../../src/ledgers/copy-references.ts";
import { leaseDeliveries } from "../../../src/notifications/deliveries/lease-deliveries.ts";
import { settleDelivery } from "../../../src/notifications/deliveries/settle-delivery.ts";
import { errorOf } from "../../../src/notifications/model/schedule.ts";
import { HUB, hubCaller } from "../world/hub.ts";
import type { Caller, Json, World } from "../world/world.ts";
import { brokerDoings } from "./busy-broker.ts";

const DAY = 86_400_000;
const TOPICS = ["red", "reading"];
/** Texts that are easily damaged on their way through SQL and JSON. */
const ODD = ["plain", 'q"uote\\s', "ünï\u2028\u{1F600}", "__proto__", "1e400", "line\nbreak\u0001"];

/** A step, by numbers: an operation through the APIs, which may be refused. */
export type Step = readonly [what: number, which: number, how: number];

/**
 * An account that uses everything, as the steps say: twins, entries, references, identities, stickers, documents, hubs,
 * devices, users, subscriptions, deliveries; and time that passes, in which the journal is pruned.
 */
export function busyAccount(world: World, caller: Caller) {
  const hub = hubCaller(world, caller.token);
  const twins: string[] = [];
  const hubs: string[] = [];
  const pick = <Item>(items: readonly Item[], which: number): Item | undefined => items[which % (items.length || 1)];
  const odd = (how: number) => ODD[how % ODD.length] as string;
  const value = (how: number): Json =>
    [how, odd(how), [how, null], { a: odd(how), b: { c: how / 7 } }, null, true][how % 6];

  const doings: ((twin: string, which: number, how: number) => Promise<unknown>)[] = [
    async (_, __, how) => {
      const { body } = await caller.call("POST", "/twins", { description: { note: odd(how), n: how / 3 } });
      twins.push(body.creation_certificate.uuid);
    },
    (twin, _, how) => caller.call("PATCH", `/twins/${twin}`, { description: { changed: value(how) } }),
    async (twin, which) => (which % 5 === 0 ? caller.call("DELETE", `/twins/${twin}`) : undefined),
    (twin, which, how) =>
      caller.call("POST", `/twins/${twin}/ledgers/personal`, {
        entries: {
          [`e${which % 4}`]: {
            value: value(how),
            ...(how % 2 && { history: how % 3 ? "1M" : "INF" }),
            ...(how % 5 === 0 && { visibility: "USER.profession == 'service'" }),
            ...(how % 4 === 0 && { publish: { reading: "true" } }),
          },
        },
      }),
    (twin, which, how) =>
      caller.call("PATCH", `/twins/${twin}/ledgers/personal/value`, {
        entries: { [`e${which % 4}`]: { value: value(how) } },
      }),
    (twin, which, how) =>
      caller.call("POST", `/twins/${twin}/ledgers/personal`, {
        entries: {
          [`r${which % 3}`]: {
            ref: { source: `twin://${pick(twins, how)}/${caller.account}/e${which % 4}` },
            ...(how % 2 && { history: "1W" }),
          },
        },
      }),
    (twin, which) => caller.call("DELETE", `/twins/${twin}/ledgers/personal?entries=e${which % 4}`),
    (twin, which, how) =>
      caller.call("POST", `/twins/${twin}/identities`, { identities: { [`RFID#${which % 9}${how % 9}`]: {} } }),
    (twin, which, how) =>
      caller.call("POST", `/twins/${twin}/stickers`, {
        stickers: {
          [`color${which % 3}`]: {
            note: odd(how),
            recipients: [caller.user, caller.role, caller.account].slice(0, 1 + (how % 3)),
            publish: { on_put: ["red"], on_remove: ["red"] },
          },
        },
      }),
    (twin, which) => caller.call("DELETE", `/twins/${twin}/stickers/color${which % 3}`),
    (twin, which, how) =>
      caller.call("PUT", `/twins/${twin}/documents/d${which % 3}`, { data: { [odd(how)]: value(how) } }),
    (twin, which, how) =>
      caller.call("PATCH", `/twins/${twin}/documents/d${which % 3}`, { data: { k: value(how + 1), [odd(how)]: null } }),
    (twin, which) => caller.call("DELETE", `/twins/${twin}/documents/d${which % 3}`),
    (twin, which) => (which % 4 ? Promise.resolve() : caller.call("DELETE", `/twins/${twin}/documents`)),
    async (_, which) => {
      if (hubs.length >= 3) return;
      const { status, body } = await hub("POST", "/hubs", { name: `hub ${which % 7}`, product_plan: "plan_shared" });
      if (status === 200) hubs.push(body.id);
    },
    async (_, which, how) => {
      const { status, body } = await hub("POST", "/devices", { hub_id: pick(hubs, which), name: `device ${how % 9}` });
      if (status === 200) twins.push(body.device.id);
    },
    (twin, which) => hub("PATCH", `/devices/${twin}`, { hub_id: pick(hubs, which), description: odd(which) }),
    (twin, which) => (which % 3 ? hub("GET", `/twins/${twin}`) : hub("DELETE", `/devices/${twin}`)),
    (twin, which, how) => hub("PUT", `/twins/${twin}/documents/d${which % 3}`, { data: { hub: value(how) } }),
    (_, which, how) =>
      caller.call("POST", "/notifications/webhooks", {
        callback_url: `https://hooks.example.org/${which}`,
        topic: TOPICS[which % 2],
        ...(how % 2 && { client_secret: "0123456789abcdef" }),
      }),
    // The receiver of the confirmation follows its link.
    async () =>
      world.seed((connection) => connection.run("UPDATE webhook_subscriptions SET confirmed_at = created_at")),
    async (_, which, how) => {
      const { body } = await caller.call("POST", "/roles", {
        name: odd(how).replaceAll(/\p{Cc}/gu, ""),
        statement: { effect: "allow", actions: ["get_twin"] },
        ...(how % 2 && { rules: { twin_rule: "TWIN.a == USER.a" } }),
      });
      if (which % 2)
        await caller.call("POST", "/users", { name: "User", role: body.uuid, description: { a: odd(how) } });
    },
    (_, which, how) =>
      caller.call("PATCH", `/notifications/webhooks/access/accounts/${pick(twins, which)}`, {
        topics: TOPICS.slice(0, 1 + (how % 2)),
      }),
    // Some of the pending deliveries are sent, and some receivers refuse them.
    async (_, which, how) => {
      const lease = `lease ${which}`;
      const room = 1 + (how % 5);
      const { leased } = await world.store.write(leaseDeliveries, SYSTEM, {
        lease,
        room,
        held: [],
        inFlight: {},
        lines: {},
      });
      for (const { delivery } of leased.slice(how % 2)) {
        const failed = (which + delivery.position) % 3 === 0;
        const outcome = { startedAt: world.clock.now(), durationMs: how, answer: odd(how).replaceAll("\u0001", "") };
        await world.store.write(settleDelivery, SYSTEM, {
          deliveryId: delivery.id,
          lease,
          chance: 0.5,
          outcome: { ...outcome, status: failed ? 500 : 204, error: errorOf(failed ? 500 : 204), retryAfterMs: null },
        });
      }
    },
    () => keepAllMessageCounts(world.deps),
    async () => {
      while ((await world.store.write(copyReferences, SYSTEM, { limit: 100 })).more);
    },
    async () => void world.clock.advance(DAY),
    async (_, which) => {
      if (which % 3) return;
      const cut = pruneEvents([keepDocumentBases]);
      await world.store.write(cut, SYSTEM, { before: world.clock.now() - DAY, limit: 5 + (which % 40) });
    },
    ...brokerDoings(world, { hubOf: (which) => pick(hubs, which), odd }),
    // Another account grants a topic and is subscribed to, or was when a grant alone delivered.
    async (_, which, how) => {
      const [other] = world.query("SELECT id FROM accounts WHERE id <> ? ORDER BY id", caller.account);
      if (!other) return;
      const topic = TOPICS[which % 2] as string;
      world.seed((connection) => {
        connection.run("INSERT OR IGNORE INTO topic_grants VALUES (?, ?, ?, 0)", other.id, topic, caller.account);
        if (how % 2) return;
        connection.run(
          `INSERT OR IGNORE INTO inherited_publishers SELECT ?, topic, id FROM webhook_subscriptions
           WHERE account_id = ? AND publisher_id = account_id AND topic = ?`,
          other.id,
          caller.account,
          topic,
        );
      });
      const callback_url = `https://hooks.example.org/${which}`;
      await caller.call("POST", "/notifications/webhooks", { callback_url, topic, account: other.id });
    },
  ];

  async function live(steps: readonly Step[]): Promise<void> {
    for (const [what, which, how] of steps) {
      const twin = pick(twins, which) ?? caller.account;
      await (doings[what % doings.length] as (typeof doings)[number])(twin, which, how);
    }
  }
  return {
    twins,
    hubs,
    live,
    /** Each operation once, in an order that creates things first. */
    liveAll: () => live(doings.map((_, i) => [i, i, i + 1])),
    hubPath: HUB,
  };
}
