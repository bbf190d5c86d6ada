import { loadHub } from "../../hub/registry/lookups.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { listSessions } from "../persistence/subscription-rows.ts";
import { suspendLeftConnected } from "../persistence/suspend-session.ts";
import type { Context } from "./context.ts";
import { Session } from "./session.ts";

/** Sessions suspended per transaction, so that other writes do not wait long behind it. */
const SLICE = 500;

/**
 * At start: suspends the sessions of connections that ended with the server, and loads all stored sessions, so that
 * they receive messages from now on.
 */
export async function loadSessions({ deps, hubs }: Context): Promise<void> {
  for (let after: number | null = 0; after !== null; ) {
    const slice: { last: number | null } = await deps.store.write(suspendLeftConnected, SYSTEM, {
      afterId: after,
      limit: SLICE,
    });
    after = slice.last;
  }
  for (let last: number | undefined = 0; last !== undefined; ) last = loadSlice({ deps, hubs }, last);
}

/** Returns the number of the last session; undefined if there are no more. */
function loadSlice({ deps, hubs }: Pick<Context, "deps" | "hubs">, after: number): number | undefined {
  return deps.store.read((reader) => {
    const sessions = listSessions(reader, after, SLICE);
    for (const { sessionId, hubId, deviceId, clientId, subscriptions } of sessions) {
      const hub = hubs.find(hubId) ?? hubs.add(loadHub(reader, hubId));
      if (!hub) continue;
      const session = new Session({ hub, deviceId, clientId });
      session.storedId = sessionId;
      session.durable = true;
      hub.sessions.set(session.key, session);
      for (const subscription of subscriptions) session.subscribe(subscription);
    }
    return sessions.at(-1)?.sessionId;
  });
}

/** Forgets the sessions that the job found expired. A session that a client has opened meanwhile is another one. */
export function forgetExpiredSessions({ hubs }: Context, sessionIds: readonly number[]): void {
  const expired = new Set(sessionIds);
  for (const hub of hubs.all()) {
    for (const session of hub.sessions.values()) {
      if (session.storedId !== null && expired.has(session.storedId) && !hub.holders.has(session.key)) session.forget();
    }
  }
}
