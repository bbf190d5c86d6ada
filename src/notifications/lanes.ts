import type { Lane } from "./delivery-rows.ts";

// Which of a subscription's messages are sent next. Of those about a twin that one account published, a lane, only one is out at a time, so
// they arrive in their order; what another account published about the same twin is another lane.

type Waiting = Lane & { position: number };

type Places = {
  /** Messages that may be added to what is on its way. */
  all: number;
  /** How many of them may be of other accounts than the subscriber. */
  ofOthers: number;
};

/**
 * Of what is due, each publisher's messages in a list, the oldest of each free lane. The publisher that has least on its way is next; where
 * that is several, the first of the lists. So however much one of them publishes, the others' messages do not wait behind it.
 */
export function chooseNext(
  due: readonly (readonly Waiting[])[],
  inFlight: readonly Lane[],
  { all, ofOthers }: Places,
  isOther: (publisherId: string) => boolean,
): Waiting[] {
  const taken = new Set(inFlight.map(keyOf));
  const queues = due.map((waiting) => ({
    publisherId: waiting[0]?.publisherId,
    waiting: firstOfEachLane(waiting, taken),
    out: inFlight.filter(({ publisherId }) => publisherId === waiting[0]?.publisherId).length,
  }));
  const chosen: Waiting[] = [];
  let others = 0;
  while (chosen.length < all) {
    const ready = queues.filter(
      ({ waiting, publisherId = "" }) => waiting.length > 0 && (others < ofOthers || !isOther(publisherId)),
    );
    if (ready.length === 0) break;
    const next = ready.reduce((least, queue) => (queue.out < least.out ? queue : least));
    const [first] = next.waiting.splice(0, 1) as [Waiting];
    if (isOther(first.publisherId)) others++;
    next.out++;
    chosen.push(first);
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
