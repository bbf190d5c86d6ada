import { type Client, openClient } from "./client.ts";
import type { MqttJob, PublishJob } from "./job.ts";
import { identifierOf, payloadAt, puback, publish, type Seen, TYPE } from "./packets.ts";
import type { Meter } from "./worker.ts";

/** Digits at the start of each payload that number the message. */
const DIGITS = 8;
const STALLED_MS = 5_000;

/** Publishers and their subscribers. Resolves, once they run, with a function that stops them. */
export async function openPublishers(job: PublishJob & MqttJob, meter: Meter): Promise<() => void> {
  const groups: Group[] = [];
  for (const [index, { publisher, subscribers }] of job.groups.entries()) {
    const group = new Group(job, meter, `bench/${index}/messages`);
    for (const login of subscribers) await group.addSubscriber(await openClient(job.target, login, meter.fail));
    group.publisher = await openClient(job.target, publisher, meter.fail);
    groups.push(group);
  }
  const stopSending = job.ratePerSecond ? pace(groups, job.ratePerSecond) : flood(groups);
  // Messages of QoS 0 may be lost; a window that waited for them would wait for ever.
  const watch = setInterval(() => {
    if (groups.some((group) => group.isStalled(performance.now()))) meter.fail("messages were lost");
  }, 1000);
  return () => {
    clearInterval(watch);
    stopSending();
    for (const group of groups) group.close();
  };
}

function flood(groups: readonly Group[]): () => void {
  for (const group of groups) group.fillWindow();
  return () => {};
}

/** The timer fires at most once per millisecond, so up to one millisecond of a latency is the generator's. */
function pace(groups: readonly Group[], ratePerSecond: number): () => void {
  const meanGapMs = 1000 / ratePerSecond;
  let due = performance.now();
  let next = 0;
  const timer = setInterval(() => {
    for (const now = performance.now(); due <= now; due += meanGapMs * -Math.log(1 - Math.random())) {
      groups[next]?.send(due);
      next = (next + 1) % groups.length;
    }
  }, 1);
  return () => clearInterval(timer);
}

/** A publisher and its subscribers. */
class Group {
  publisher: Client | undefined;
  readonly #job: PublishJob;
  readonly #meter: Meter;
  readonly #topic: string;
  readonly #subscribers: Client[] = [];
  /** When each message was due or sent, by its number; it arrives long before its slot is reused. */
  readonly #since = new Float64Array(1 << 16);
  #sent = 0;
  #heard = 0;
  #identifier = 0;
  #lastHeardAt = performance.now();
  #wrapped: { bytes: Buffer; digitsAt: number; identifierAt: number } | undefined;

  constructor(job: PublishJob, meter: Meter, topic: string) {
    this.#job = job;
    this.#meter = meter;
    this.#topic = topic;
  }

  async addSubscriber(client: Client): Promise<void> {
    await client.subscribe(this.#topic, this.#job.qos);
    client.onPacket = (seen) => this.#onPacket(client, seen);
    this.#subscribers.push(client);
  }

  fillWindow(): void {
    const ahead = this.#sent - this.#heard / this.#subscribers.length;
    // In one write, as a busy publisher's packets leave, rather than one by one.
    const count = Math.floor(this.#job.window - ahead);
    if (count <= 0) return;
    const now = performance.now();
    this.publisher?.write(Buffer.concat(Array.from({ length: count }, () => Buffer.from(this.#next(now)))));
  }

  send(since: number): void {
    this.publisher?.write(this.#next(since));
  }

  isStalled(now: number): boolean {
    return this.#sent > this.#heard / this.#subscribers.length && now - this.#lastHeardAt > STALLED_MS;
  }

  close(): void {
    for (const client of [this.publisher, ...this.#subscribers]) client?.close();
  }

  #onPacket(subscriber: Client, seen: Seen): void {
    if (seen.type !== TYPE.publish) return;
    if (seen.qos > 0) subscriber.write(subscriber.wrap(puback(identifierOf(seen))));
    const at = payloadAt(seen);
    let message = 0;
    for (let digit = 0; digit < DIGITS; digit += 1) message = message * 10 + (seen.bytes[at + digit] as number) - 48;
    const now = performance.now();
    this.#lastHeardAt = now;
    this.#meter.samples.add(now - (this.#since[message % this.#since.length] as number));
    this.#meter.count += 1;
    this.#heard += 1;
    if (!this.#job.ratePerSecond && this.#heard % this.#refillEach === 0) this.fillWindow();
  }

  /** A quarter of the window at a time. */
  get #refillEach(): number {
    return Math.max(1, this.#job.window >> 2) * this.#subscribers.length;
  }

  /** The bytes of the next message; the same buffer each time, with other digits. */
  #next(since: number): Buffer {
    this.#wrapped ??= this.#wrap(this.publisher as Client);
    const { bytes, digitsAt, identifierAt } = this.#wrapped;
    const message = this.#sent % 10 ** DIGITS;
    this.#since[message % this.#since.length] = since;
    bytes.write(String(message).padStart(DIGITS, "0"), digitsAt, "latin1");
    if (this.#job.qos > 0) {
      this.#identifier = (this.#identifier % 65_535) + 1;
      bytes.writeUInt16BE(this.#identifier, identifierAt);
    }
    this.#sent += 1;
    return bytes;
  }

  #wrap(publisher: Client) {
    const { qos, payloadBytes } = this.#job;
    const bytes = publisher.wrap(publish(this.#topic, Buffer.alloc(Math.max(DIGITS, payloadBytes), "0"), qos));
    const digitsAt = bytes.indexOf(this.#topic) + this.#topic.length + (qos > 0 ? 2 : 0);
    return { bytes, digitsAt, identifierAt: digitsAt - 2 };
  }
}
