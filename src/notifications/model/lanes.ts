import type { Lane } from "./delivery-rows.ts";

// Chooses which of a subscription's messages are sent next. Messages of one publisher about one twin form a lane, with
// at most one in flight, so they arrive in order; another publisher's messages about the same twin are another lane.

type Waiting = Lane & { position: number };

/**
 * Chooses at most `places` of the due messages (one list per publisher): the oldest of each free lane. The publisher
 * with the fewest in flight is next; among equals, the first list. So one publisher's flood does not delay the others'
 * messages.
 */
export function chooseNextMessages(
  due: readonly (readonly Waiting[])[],
  inFlight: readonly Lane[],
  places: number,
): Waiting[] {
  const taken = new Set(inFlight.map(keyOf));
  const queues = due.map((waiting) => ({
    waiting: firstOfEachLane(waiting, taken),
    out: inFlight.filter(({ publisherId }) => publisherId === waiting[0]?.publisherId).length,
  }));
  const chosen: Waiting[] = [];
  while (chosen.length < places) {
    const ready = queues.filter(({ waiting }) => waiting.length > 0);
    if (ready.length === 0) break;
    const next = ready.reduce((least, queue) => (queue.out < least.out ? queue : least));
    chosen.push(...next.waiting.splice(0, 1));
    next.out++;
  }
  return chosen;
}

/** The oldest of each lane. Each message about no twin is a lane of its own. */
function firstOfEachLane(waiting: readonly Waiting[], taken: Set<string>): Waiting[] {
  const oldestFirst = waiting.toSorted((a, b) => a.position - b.position);
  return oldestFirst.filter((one) => {
    if (one.twinId === null) return true;
    const key = keyOf(one);
    if (taken.has(key)) return false;
    taken.add(key);
    return true;
  });
}

const keyOf = ({ publisherId, twinId }: Lane) => `${publisherId} ${twinId}`;
