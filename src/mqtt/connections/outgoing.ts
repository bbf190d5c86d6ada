import { REFILL_BYTES, UNCOUNTED_BYTES } from "../limits.ts";
import type { OutboundMessage } from "../wire/outbound-message.ts";
import type { QoS } from "../wire/packets.ts";

/**
 * A message in the queue. Without an envelope the client has it already, and only PUBREL is left to send
 * [MQTT-4.3.3-8].
 */
export type QueuedDelivery = {
  position: number;
  qos: QoS;
  retain: boolean;
  subscriptionIdentifiers: readonly number[] | null;
  envelope: OutboundMessage | null;
};
type InFlight = { position: number | null; qos: QoS; state: "sent" | "releasing" | "released" };

/** What the queue needs from its connection. */
export type OutgoingQueuePort = {
  now(): number;
  /**
   * Whether `bytes` more should wait: too many are being sent, or there is no memory for them; `pump` is called again
   * later.
   */
  isBehind(bytes: number): boolean;
  mayReceive(topic: string): boolean;
  publish(
    envelope: OutboundMessage,
    wrapping: Omit<QueuedDelivery, "envelope" | "position"> & { dup: boolean; packetId: number },
  ): boolean;
  release(packetId: number, known: boolean): void;
  /** Whether its hub and account have memory to queue `bytes` more. */
  hasRoom(bytes: number): boolean;
  /** Counts bytes added to, or removed from, the queue in memory. */
  queued(bytes: number): void;
  /** Schedules another `pump`: in the next turn, or when there may be memory again. */
  pumpLater(soon: boolean): void;
};

/** The stored queue of a session that outlives its connection. */
export type StoredQueue = {
  /** The oldest unacknowledged position. */
  oldest: number;
  /** Some messages from a position on, in order; empty if there are none. */
  read(from: number): QueuedDelivery[];
  /** Stores that the client has received the message, and calls back once that is stored. */
  release(position: number, done: () => void): void;
  /** Records that the message is delivered, so that its row can be deleted. */
  settled(position: number): void;
  wasSent(position: number): boolean;
  sent(position: number): void;
};

type QueueLimits = { inFlight: number; messages: number; bytes: number };

const bytesOf = ({ envelope }: Omit<QueuedDelivery, "position">) => envelope?.bytes ?? 0;

/** A page with more messages takes much longer to read than a check for more. */
const LONG_PAGE = 10;

const PACKET_IDS = 65_535;
/**
 * The newest and the oldest message in flight are less than this apart, so that their identifiers differ, and half of
 * all identifiers are left for answers.
 */
const WINDOW = 32_767;
const packetIdOf = (position: number) => ((position - 1) % PACKET_IDS) + 1;

/**
 * QoS 1 and 2 messages to one client: at most its receive maximum in flight [MQTT-3.3.4-9], in order. A packet
 * identifier is derived from the message's position in the queue, so that a redelivery has the same one [MQTT-4.4.0-1].
 */
export class OutgoingQueue {
  readonly #port: OutgoingQueuePort;
  readonly #limits: QueueLimits;
  readonly #stored: StoredQueue | null;
  #waiting: QueuedDelivery[] = [];
  #waitingBytes = 0;
  /** By packet identifier, oldest first. */
  readonly #inFlight = new Map<number, InFlight>();
  /** The position after the last message read into memory. */
  #end: number;
  /** The store may have more messages than were read into memory. */
  #moreStored: boolean;
  #answers: QueuedDelivery[] = [];
  /** A long page was read since the last `pump`. */
  #refilled = false;

  constructor(port: OutgoingQueuePort, limits: QueueLimits, stored: StoredQueue | null) {
    this.#port = port;
    this.#limits = limits;
    this.#stored = stored;
    this.#end = stored?.oldest ?? 1;
    this.#moreStored = stored !== null;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether the queue is so long that the rest of a long delivery should wait. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#limits.messages / 2 || this.#waitingBytes >= this.#limits.bytes / 2;
  }

  /** Queues a message of a clean session; returns false if the queue is full. */
  offer(message: Omit<QueuedDelivery, "position">): boolean {
    if (this.#isFull(message)) return false;
    this.#push({ ...message, position: this.#end });
    this.pump();
    return true;
  }

  /** Queues a message at its stored position. If there is no memory for it, it is read from the store later. */
  offerStored(message: QueuedDelivery): void {
    // It may have been read already: a snapshot can see it before this call.
    if (message.position < this.#end) return;
    this.#moreStored ||= this.#isFull(message);
    if (!this.#moreStored) this.#push(message);
    this.pump();
  }

  /** Queues an answer, which is for this connection only and never stored: it borrows a packet identifier. */
  offerAnswer(message: Omit<QueuedDelivery, "position">): boolean {
    if (!this.#stored) return this.offer(message);
    if (this.#answers.length >= this.#limits.messages) return false;
    const answer = { ...message, position: 0 };
    if (this.#answers.length > 0 && !this.#port.hasRoom(bytesOf(answer))) return false;
    this.#answers.push(answer);
    this.#port.queued(bytesOf(answer));
    this.pump();
    return true;
  }

  /** Sends as much as is permitted now. */
  pump(): void {
    this.#refilled = false;
    while (this.#inFlight.size < this.#limits.inFlight) {
      const next = this.#answers[0] ?? this.#waiting[0] ?? this.#refill();
      if (!next || this.#port.isBehind(bytesOf(next))) return;
      if (next === this.#answers[0]) {
        this.#answers.shift();
        this.#port.queued(-bytesOf(next));
        this.#sendAnswer(next);
      } else {
        if (!this.#mayTake(next.position)) return;
        this.#shift(next);
        this.#send(next);
      }
    }
  }

  acknowledged(packetId: number): void {
    const sent = this.#inFlight.get(packetId);
    if (sent?.qos !== 1) return;
    this.#settle(packetId, sent);
  }

  /**
   * PUBREC: the client has received the message, and it is not sent again [MQTT-4.3.3-4], unless the client refused it.
   */
  received(packetId: number, refused: boolean): void {
    const sent = this.#inFlight.get(packetId);
    if (sent?.qos !== 2) {
      if (!refused) this.#port.release(packetId, false);
    } else if (refused) this.#settle(packetId, sent);
    else if (sent.state === "released") this.#port.release(packetId, true);
    else if (sent.state === "sent") this.#release(packetId, sent);
  }

  completed(packetId: number): void {
    const sent = this.#inFlight.get(packetId);
    if (sent?.state === "released") this.#settle(packetId, sent);
  }

  /** Drops the queue in memory when the connection has ended. */
  close(): void {
    for (const answer of this.#answers) this.#port.queued(-bytesOf(answer));
    this.#port.queued(-this.#waitingBytes);
    this.#waitingBytes = 0;
    this.#waiting = [];
    this.#answers = [];
  }

  #isFull(message: Omit<QueuedDelivery, "position">): boolean {
    const bytes = bytesOf(message);
    // A small one is sent at once if possible, and takes little memory if not.
    if (this.#waiting.length === 0 && bytes <= UNCOUNTED_BYTES) return false;
    if (!this.#port.hasRoom(bytes)) return true;
    return this.#waiting.length >= this.#limits.messages || this.#waitingBytes + bytes > this.#limits.bytes;
  }

  #push(message: QueuedDelivery): void {
    this.#waiting.push(message);
    this.#end = message.position + 1;
    this.#count(message, 1);
  }

  #shift(message: QueuedDelivery): void {
    this.#waiting.shift();
    this.#count(message, -1);
  }

  #count(message: QueuedDelivery, sign: 1 | -1): void {
    const bytes = sign * bytesOf(message);
    this.#waitingBytes += bytes;
    this.#port.queued(bytes);
  }

  #refill(): QueuedDelivery | undefined {
    if (!this.#stored || !this.#moreStored) return undefined;
    // At most one long page per turn: reading many messages delays others.
    if (this.#refilled || !this.#port.hasRoom(REFILL_BYTES)) {
      this.#port.pumpLater(this.#refilled);
      return undefined;
    }
    const rows = this.#stored.read(this.#end);
    this.#refilled = rows.length > LONG_PAGE;
    this.#moreStored = rows.length > 0;
    for (const row of rows) this.#push(row);
    return this.#waiting[0];
  }

  #mayTake(position: number): boolean {
    if (this.#inFlight.has(packetIdOf(position))) return false;
    for (const { position: oldest } of this.#inFlight.values()) {
      if (oldest !== null) return position - oldest < WINDOW;
    }
    return true;
  }

  #send({ position, envelope, ...how }: QueuedDelivery): void {
    const packetId = packetIdOf(position);
    if (!envelope) {
      this.#inFlight.set(packetId, { position, qos: 2, state: "released" });
      this.#port.release(packetId, true);
      return;
    }
    const dup = this.#stored?.wasSent(position) ?? false;
    if (this.#publish(envelope, { ...how, dup, packetId })) {
      this.#stored?.sent(position);
      this.#inFlight.set(packetId, { position, qos: how.qos, state: "sent" });
    } else this.#stored?.settled(position);
  }

  #sendAnswer({ envelope, position: _, ...how }: QueuedDelivery): void {
    const packetId = this.#borrowId();
    if (envelope && this.#publish(envelope, { ...how, dup: false, packetId })) {
      this.#inFlight.set(packetId, { position: null, qos: how.qos, state: "sent" });
    }
  }

  /**
   * Returns false if the message must not be sent: expired before its delivery began, too large for the client, or not
   * permitted any more.
   */
  #publish(envelope: OutboundMessage, how: Parameters<OutgoingQueuePort["publish"]>[1]): boolean {
    const current = envelope.at(this.#port.now()) ?? (how.dup ? envelope : undefined);
    return current !== undefined && this.#port.mayReceive(current.message.topic) && this.#port.publish(current, how);
  }

  /** As far as possible from the identifiers of the next positions. */
  #borrowId(): number {
    let id = packetIdOf((this.#waiting[0]?.position ?? this.#end) + WINDOW);
    while (this.#inFlight.has(id)) id = (id % PACKET_IDS) + 1;
    return id;
  }

  #release(packetId: number, sent: InFlight): void {
    if (!this.#stored || sent.position === null) {
      sent.state = "released";
      this.#port.release(packetId, true);
      return;
    }
    sent.state = "releasing";
    this.#stored.release(sent.position, () => {
      sent.state = "released";
      this.#port.release(packetId, true);
    });
  }

  #settle(packetId: number, { position }: InFlight): void {
    this.#inFlight.delete(packetId);
    if (position !== null) this.#stored?.settled(position);
    this.pump();
  }
}
