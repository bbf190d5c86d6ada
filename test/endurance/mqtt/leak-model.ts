// A model of what a hub must deliver to which devices, without any of the broker's code.

type Want = { qos: 0 | 1 | 2; noLocal: boolean };
type Topic = { topic: string; payload: string; qos: 0 | 1 | 2; retain: boolean };

/** A client identifier of a device, in the model. */
export type Member = {
  name: string;
  restricted: boolean;
  connected: boolean;
  /** Whether its session outlives the connection. */
  lasting: boolean;
  subscriptions: Map<string, Want>;
  /** Copies of each payload that it must have received by now. */
  owed: Map<string, number>;
  /** Those of them that are queued, because it is disconnected. */
  waiting: Map<string, number>;
  /** Further copies that the standards permit. */
  open: Map<string, number>;
};

/**
 * A copy for one of several members of a shared subscription; or for none, if the member that received it may be gone.
 */
type Shared = { payload: string; candidates: Member[]; maybe: boolean };

/** Topics that restricted devices may neither publish nor receive. */
const SECRET = "secret/#";

export class HubModel {
  readonly members: Member[] = [];
  #shared: Shared[] = [];
  readonly #retained = new Map<string, Topic>();

  /**
   * `changing` is being taken over at this moment: what it receives of this, and whether it gets a shared copy, is
   * open.
   */
  publish(message: Topic, from: Member | null, changing?: Member): void {
    if (from?.restricted && covers(SECRET, message.topic)) return;
    if (message.retain) {
      if (message.payload === "") this.#retained.delete(message.topic);
      else this.#retained.set(message.topic, message);
    }
    const groups = new Map<string, Member[]>();
    for (const member of this.members) {
      const matching = [...member.subscriptions].filter(([filter]) => covers(plain(filter), message.topic));
      if (member.restricted && covers(SECRET, message.topic)) continue;
      const direct = matching.filter(([filter, { noLocal }]) => !isShared(filter) && !(noLocal && member === from));
      if (direct.length > 0 && member === changing) add(member.open, message.payload);
      else if (direct.length > 0) this.#owe(member, message, Math.max(...direct.map(([, { qos }]) => qos)));
      for (const [filter] of matching) {
        if (isShared(filter)) groups.set(filter, [...(groups.get(filter) ?? []), member]);
      }
    }
    for (const [filter, members] of groups) this.#share(filter, members, message, changing);
  }

  /** It has reconnected to its session. */
  resume(member: Member): void {
    member.waiting.clear();
  }

  /** Its session ends, with its queue. */
  forget(member: Member): void {
    member.subscriptions.clear();
    for (const [payload, count] of member.waiting) add(member.owed, payload, -count);
    member.waiting.clear();
    for (const shared of this.#shared) if (shared.candidates.includes(member)) shared.maybe ||= member.lasting;
  }

  /** The messages that a subscription brings at once. */
  subscribe(member: Member, filter: string, want: Want): void {
    member.subscriptions.set(filter, want);
    if (isShared(filter)) return;
    for (const message of this.#retained.values()) {
      if (member.restricted && covers(SECRET, message.topic)) continue;
      if (covers(filter, message.topic)) add(member.owed, message.payload);
    }
  }

  /**
   * Compares what was received with the model: nothing beyond what it allows, and nothing missing that it demands.
   * Returns the differences.
   */
  judge(received: (member: Member) => Map<string, number>): string[] {
    const wrong: string[] = [];
    const sharedOf = new Map<string, Shared[]>();
    for (const one of this.#shared) sharedOf.set(one.payload, [...(sharedOf.get(one.payload) ?? []), one]);
    const extra = new Map<string, number>();
    for (const member of this.members) {
      const got = received(member);
      for (const payload of new Set([...got.keys(), ...member.owed.keys()])) {
        const [count, owed] = [got.get(payload) ?? 0, member.owed.get(payload) ?? 0];
        const mayMore =
          (member.open.get(payload) ?? 0) +
          (sharedOf.get(payload) ?? []).filter(({ candidates }) => candidates.includes(member)).length;
        if (count < owed || count > owed + mayMore) {
          wrong.push(
            `${member.name} got "${payload}" ${count} times, and should ${owed}${mayMore ? ` to ${owed + mayMore}` : ""}`,
          );
        }
        extra.set(payload, (extra.get(payload) ?? 0) + count - owed);
      }
    }
    for (const [payload, shares] of sharedOf) {
      const given = extra.get(payload) ?? 0;
      const least = shares.filter(({ maybe }) => !maybe).length;
      if (given < least || given > shares.length + this.#openOf(payload)) {
        wrong.push(`"${payload}" was shared ${given} times among ${shares.length} groups`);
      }
    }
    return wrong;
  }

  get retainedTopics(): string[] {
    return [...this.#retained.keys()];
  }

  #openOf(payload: string): number {
    return this.members.reduce((sum, { open }) => sum + (open.get(payload) ?? 0), 0);
  }

  #owe(member: Member, message: Topic, granted: number): void {
    const waits = !member.connected && member.lasting && Math.min(granted, message.qos) > 0;
    if (waits) add(member.waiting, message.payload);
    if (waits || member.connected) add(member.owed, message.payload);
  }

  /** A connected member, else one with a stored session. */
  #share(filter: string, members: Member[], message: Topic, changing: Member | undefined): void {
    if (changing && members.includes(changing)) {
      this.#shared.push({ payload: message.payload, candidates: members, maybe: true });
      return;
    }
    const here = members.filter(({ connected }) => connected);
    const waiting = members.filter(
      ({ lasting, subscriptions }) => lasting && Math.min(subscriptions.get(filter)?.qos ?? 0, message.qos) > 0,
    );
    const candidates = here.length > 0 ? here : waiting;
    if (candidates.length > 0) this.#shared.push({ payload: message.payload, candidates, maybe: false });
  }
}

const add = (counts: Map<string, number>, payload: string, count = 1) =>
  counts.set(payload, (counts.get(payload) ?? 0) + count);
export const isShared = (filter: string) => filter.startsWith("$share/");
const plain = (filter: string) => (isShared(filter) ? filter.split("/").slice(2).join("/") : filter);

/** Whether the filter matches the topic. */
function covers(filter: string, topic: string): boolean {
  const levels = topic.split("/");
  const parts = filter.split("/");
  for (const [i, part] of parts.entries()) {
    if (part === "#") return true;
    if (levels[i] === undefined || (part !== "+" && part !== levels[i])) return false;
  }
  return parts.length === levels.length;
}
