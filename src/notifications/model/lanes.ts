import type { Lane } from "./delivery-rows.ts";

// Which of a subscription's messages are sent next. Of those about a twin that one account published, a lane, only one is out at a time, so
// they arrive in their order; what another account published about the same twin is another lane.

type Waiting = Lane & { position: number };

/**
 * Of what is due, each publisher's messages in a list, at most `places` of the oldest of each free lane. The publisher that has least on its way is
 * next; where that is several, the first of the lists. So however much one of them publishes, the others' messages do not wait behind it.
 */
export function chooseNext(due: readonly (readonly Waiting[])[], inFlight: readonly Lane[], places: number): Waiting[] {
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

/** The oldest first. Each message about no twin is a lane of its own. */
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
