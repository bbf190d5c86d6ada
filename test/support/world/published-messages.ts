import type { Connection } from "../../../src/store/sqlite/connection.ts";
import type { Json, World } from "./world.ts";

/** The topics of tests that check publications: only a topic with a subscriber is published to. */
const TOPICS = [
  "red",
  "blue",
  "green",
  "work",
  "done",
  "put",
  "removed",
  "expired",
  "task-completed",
  "task-expired",
  "reading-changed",
  "alarm",
  "gone",
  "all",
  "only-a",
  "odd",
  "changed",
  "copied",
  "same",
  "there",
  "site.north.reading",
  "level-3",
  "level-4",
  "from-3",
  "by-user",
  "by-account",
  "by-ledger",
  "by-dictionary",
  "by-entry",
  "by-error",
  "by-nothing",
  "by-north",
];

/** Subscribes an account to all these topics for good. Nothing is sent: tests look at the stored deliveries. */
export const listen = (world: Pick<World, "seed">, account: string) =>
  world.seed((connection) => subscribeForGood(connection, account, TOPICS));

/** Inserts confirmed, paused subscriptions directly into the database. */
export function subscribeForGood(connection: Connection, account: string, topics: readonly string[]): void {
  for (const topic of topics) {
    connection.run(
      `INSERT INTO webhook_subscriptions
         (id, account_id, publisher_id, topic, callback_url, link_base, signing_secret, created_at, confirmed_at, expires_at, paused_at)
       VALUES (?, ?2, ?2, ?3, 'https://hooks.example.org/x', 'https://twins.example', 'none', 0, 0, ?4, 0)`,
      crypto.randomUUID(),
      account,
      topic,
      Date.UTC(2099, 0),
    );
  }
}

/**
 * What was published, oldest first: trigger, topics, account, twin and event. One sticker event for several topics is a
 * single item.
 */
export function published(world: Pick<World, "query">): Json[] {
  const rows = world.query(
    `SELECT publisher_id, twin_id, trigger, topic, event FROM deliveries WHERE type = 'Notification' ORDER BY position`,
  );
  const things: Json[] = [];
  let last = "";
  for (const { publisher_id, twin_id, trigger, topic, event } of rows) {
    const same = JSON.stringify([twin_id, trigger, event]);
    if (same === last && trigger.startsWith("sticker.")) things.at(-1).topics.push(topic);
    else things.push({ account: publisher_id, twin: twin_id, trigger, topics: [topic], event: JSON.parse(event) });
    last = same;
  }
  return things;
}

/** Trigger and topic of each message that would be sent, in order. */
export const messages = (world: Pick<World, "query">): string[] =>
  published(world).flatMap(({ trigger, topics }) => topics.map((topic: string) => `${trigger} to ${topic}`));

/** Journal rows of a kind, oldest first. */
export const journal = (world: Pick<World, "query">, kind: string): Json[] =>
  world
    .query(
      "SELECT account_id, twin_id, actor_kind, actor_id, occurred_at, data FROM events WHERE kind = ? ORDER BY sequence",
      kind,
    )
    .map(({ data, ...row }) => ({ ...row, data: JSON.parse(data) }));
