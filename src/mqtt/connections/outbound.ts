import type { Cancel, Clock } from "../../kernel/clock.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { DeviceSocket } from "../../platform/device-socket.ts";
import type { MemoryUse } from "../flow/memory-use.ts";
import { OutboundBytes } from "../flow/outbound-bytes.ts";
import { ReaderWatch } from "../flow/reader-watch.ts";
import type { Written } from "../flow/sender.ts";
import type { Turn } from "../flow/turn.ts";
import { BACKLOG_MAX, ROOM_RETRY_MS } from "../limits.ts";
import { CLOSING, type Closing } from "../wire/closing.ts";
import type { Envelope, Wrapping } from "../wire/envelope.ts";
import type { QoS, ServerPacket } from "../wire/packets.ts";
import type { Client } from "./client.ts";
import type { Queued } from "./outgoing.ts";

/** What the outbound side needs of its connection. */
type OutboundPort = {
  /** The server stops, and the client has the answers to all that it asked: the connection ends with this turn. */
  endsWithTurn(): boolean;
  /** So much was given to the transport. */
  flushed(written: Written): void;
  fault(error: unknown): void;
  close(closing: Closing): void;
};

type Target = {
  socket: DeviceSocket;
  clock: Clock;
  turn: Turn;
  memory: MemoryUse;
  packetBytesMax: number;
};

/** What of the client its packets go through. */
type Recipient = Pick<Client, "actor" | "hub" | "session" | "sender" | "outgoing" | "stored">;

/**
 * The direction to the client. Packets are collected and given to the transport once a turn. What the client does not read waits or is
 * dropped, and a client that reads nothing is disconnected. Before the connection is open, and once it has ended, everything is dropped.
 */
export class Outbound {
  readonly #socket: DeviceSocket;
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #port: OutboundPort;
  readonly #bytes: OutboundBytes;
  readonly #reader: ReaderWatch;
  #recipient!: Recipient;
  #isOpen = false;
  #inTurn = false;
  #sendingMore = false;
  #cancelRetry: Cancel | undefined;
  /** What waits for the client to read, such as many retained messages at once. */
  #backlog: (() => void)[] = [];

  constructor({ socket, clock, turn, memory, packetBytesMax }: Target, port: OutboundPort) {
    this.#socket = socket;
    this.#clock = clock;
    this.#turn = turn;
    this.#port = port;
    this.#bytes = new OutboundBytes(socket, memory);
    this.#reader = new ReaderWatch(socket, clock, packetBytesMax, () => port.close(CLOSING.slow));
  }

  /** Whom the end of its turn is charged to. */
  get owner(): Owner {
    const { accountId, deviceId } = this.#recipient.actor;
    return { account: accountId, member: deviceId };
  }

  open(recipient: Recipient): void {
    this.#recipient = recipient;
    this.#isOpen = true;
  }

  end(): void {
    this.#isOpen = false;
    this.#cancelRetry?.();
    this.#reader.stop();
    this.#backlog = [];
  }

  /** Sends a packet that is no PUBLISH at the end of the turn. */
  packet(packet: ServerPacket): void {
    this.#recipient.sender.packet(packet);
    this.scheduleFlush();
  }

  /** Sends a PUBLISH at the end of the turn. Returns false if the client does not take one that large. */
  publish(envelope: Envelope, wrapping: Wrapping): boolean {
    const { sender } = this.#recipient;
    const isTaken = sender.publish(envelope, wrapping);
    this.#bytes.sending(sender.bytes);
    this.scheduleFlush();
    return isTaken;
  }

  /** Sends a message now (QoS 0) or in its turn. What a client that does not read cannot take is dropped, QoS 0 first. */
  deliver(envelope: Envelope, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[] | null): void {
    if (!this.#isOpen) return;
    if (qos === 0 && this.isBehindFor(envelope.bytes)) this.#recipient.hub.traffic.publishesDropped++;
    else this.deliverWaited(envelope, qos, retain, subscriptionIdentifiers);
  }

  /** The same for a message that has waited until the client read. */
  deliverWaited(
    envelope: Envelope,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | null,
  ): void {
    if (!this.#isOpen) return;
    const { outgoing, hub } = this.#recipient;
    try {
      if (qos === 0) this.publish(envelope, { qos, retain, subscriptionIdentifiers, dup: false, packetId: 0 });
      else if (!outgoing.offer({ qos, retain, subscriptionIdentifiers, envelope })) hub.traffic.publishesDropped++;
    } catch (error) {
      this.#port.fault(error);
    }
    this.scheduleFlush();
  }

  /** Sends a message that the store has put into the queue of this connection's session. */
  deliverStored(message: Queued): void {
    if (!this.#isOpen) return;
    try {
      this.#recipient.outgoing.offerStored(message);
    } catch (error) {
      this.#port.fault(error);
    }
  }

  /** Sends an answer to this connection alone: it is never stored, because it would be no answer to a later connection. It has QoS 1 at most where the queue is stored. */
  answer(envelope: Envelope, qos: QoS): void {
    if (!this.#isOpen) return;
    const { outgoing, session } = this.#recipient;
    const how = { envelope, retain: false, subscriptionIdentifiers: null };
    if (qos === 0) this.deliver(envelope, qos, false, null);
    else outgoing.offerAnswer({ ...how, qos: session.durable ? 1 : qos });
  }

  /** Calls `send` as soon as the client has read enough of what was sent before. */
  whenReading(send: () => void): void {
    this.#backlog.push(send);
    if (this.#backlog.length > BACKLOG_MAX) this.#port.close(CLOSING.slow);
    else if (!this.#sendingMore) this.#sendMore();
  }

  /** Sends on in the next turn; or after a while, when there may be memory for what waits. */
  pumpLater(soon: boolean): void {
    if (soon) {
      this.scheduleFlush();
      return;
    }
    this.#cancelRetry ??= this.#clock.at(this.#clock.now() + ROOM_RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.scheduleFlush();
    });
  }

  get isBehind(): boolean {
    return this.isBehindFor(0);
  }

  /** Whether so many bytes more had better wait, because it has much to read already, or its account no memory for them. */
  isBehindFor(bytes: number): boolean {
    return this.#bytes.isBehind(this.#recipient.sender.bytes, bytes);
  }

  /** The transport has taken all that it was given. */
  drained(): void {
    this.#chargeSending();
    if (!this.#isOpen) return;
    try {
      this.#sendMore();
    } catch (error) {
      this.#port.fault(error);
    }
  }

  /** Something was written, or may now be: `endTurn` is called at the end of the turn. */
  scheduleFlush(): void {
    if (this.#inTurn) return;
    this.#inTurn = true;
    this.#turn.add(this);
  }

  endTurn(): void {
    this.#inTurn = false;
    if (!this.#isOpen) return;
    const isLast = this.#port.endsWithTurn();
    try {
      // The last answer and DISCONNECT go in one piece: between two the client would ask for more.
      if (!isLast) this.flush();
      this.#sendMore();
    } catch (error) {
      this.#port.fault(error);
    }
    if (isLast) this.#port.close(CLOSING.stopping);
  }

  /** Gives the transport what was collected. */
  flush(): void {
    const { sender, stored } = this.#recipient;
    const written = sender.flush((bytes) => this.#socket.send(bytes));
    this.#port.flushed(written);
    stored?.flush();
    this.#reader.sent(written.bytes);
    this.#chargeSending();
  }

  /** What the client has not taken yet is charged to its account; where that has no memory for it, the connection ends. */
  #chargeSending(): void {
    if (this.#isOpen && !this.#bytes.sent()) this.#port.close(CLOSING.slow);
  }

  #sendMore(): void {
    if (!this.#isOpen) return;
    const { outgoing, sender } = this.#recipient;
    this.#sendingMore = true;
    if (this.#backlog.length > 0 && !this.isBehind && !outgoing.isFull) this.#backlog.shift()?.();
    this.#sendingMore = false;
    // One thing a turn: each is some work.
    if (this.#backlog.length > 0 && !this.isBehind && !outgoing.isFull) this.scheduleFlush();
    outgoing.pump();
    if (sender.bytes > 0) this.scheduleFlush();
  }
}
