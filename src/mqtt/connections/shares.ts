import type { Subscription } from "../wire/message.ts";
import type { Session } from "./session.ts";

type Member = { subscriber: Session; subscription: Subscription };

/**
 * Chooses the member of a shared subscription that receives a message (4.8.2). Connected members take turns, those that
 * keep up first; only if none is connected is it queued in a stored session. Undefined if no member may receive it.
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
