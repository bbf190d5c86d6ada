import type { Subscription } from "../wire/message.ts";
import type { Session } from "./session.ts";

type Member = { subscriber: Session; subscription: Subscription };

/**
 * Who gets a message of a shared subscription: one member (4.8.2). Members that are connected take turns, those that keep up
 * first; only when nobody is connected does it wait in a stored session. Undefined if no member may have it.
 */
export function chooseMember(members: readonly Member[], topic: string): Member | undefined {
  let chosen: Member | undefined;
  let chosenRank = 0;
  for (const member of members) {
    const rank = rankOf(member, topic);
    if (rank === 0) continue;
    const longerAgo = chosen && member.subscriber.sharedTurn < chosen.subscriber.sharedTurn;
    if (!chosen || rank > chosenRank || (rank === chosenRank && longerAgo)) {
      chosen = member;
      chosenRank = rank;
    }
  }
  if (chosen) chosen.subscriber.sharedTurn = ++chosen.subscriber.hub.sharedTurns;
  return chosen;
}

function rankOf({ subscriber, subscription }: Member, topic: string): number {
  const { connection } = subscriber;
  if (!connection) return subscriber.durable && subscription.qos > 0 ? 1 : 0;
  if (!connection.mayReceive(topic)) return 0;
  return connection.outbound.isBehind ? 2 : 3;
}
