import type { Json, World } from "./world.ts";

/** What was published, oldest first: trigger, topics, account, twin and event. */
export const published = (world: Pick<World, "query">): Json[] =>
  world
    .query("SELECT account_id, twin_id, data FROM events WHERE kind = 'notification.published' ORDER BY sequence")
    .map(({ account_id, twin_id, data }) => ({ account: account_id, twin: twin_id, ...JSON.parse(data) }));

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
