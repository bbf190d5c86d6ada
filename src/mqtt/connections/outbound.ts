import type { Cancel, Clock } from "../../kernel/clock.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { DeviceSocket } from "../../platform/device-socket.ts";
import type { ConnectionMemory } from "../flow/connection-memory.ts";
import type { FlushQueue } from "../flow/flush-queue.ts";
import { OutboundBytes } from "../flow/outbound-bytes.ts";
import type { FlushedCounts } from "../flow/sender.ts";
import { SlowClientWatch } from "../flow/slow-client-watch.ts";
import { BACKLOG_MAX, ROOM_RETRY_MS } from "../limits.ts";
import { CLOSING, type Closing } from "../wire/closing.ts";
import type { OutboundMessage, PublishHeader } from "../wire/outbound-message.ts";
import type { QoS, ServerPacket } from "../wire/packets.ts";
import type { Client } from "./client.ts";
import type { QueuedDelivery } from "./outgoing.ts";

/** What the outbound side needs of its connection. */
type OutboundPort = {
  /** Whether the connection ends with this turn: the server stops, and all requests are answered. */
  endsWithTurn(): boolean;
  /** Counts what was passed to the transport. */
  flushed(written: FlushedCounts): void;
  fault(error: unknown): void;
  close(closing: Closing): void;
};

type Target = {
  socket: DeviceSocket;
  clock: Clock;
  turn: FlushQueue;
  memory: ConnectionMemory;
  packetBytesMax: number;
};

/** The parts of the client that its packets pass through. */
type Recipient = Pick<Client, "actor" | "hub" | "session" | "sender" | "outgoing" | "stored">;

/**
 * The direction to the client. Packets are collected and passed to the transport once a turn. Messages that the client
 * does not read wait or are dropped, and a client that reads nothing is disconnected. Before the connection is open,
 * and after it has ended, everything is dropped.
 */
export class Outbound {
  readonly #socket: DeviceSocket;
  readonly #clock: Clock;
  readonly #turn: FlushQueue;
  readonly #port: OutboundPort;
  readonly #bytes: OutboundBytes;
  readonly #reader: SlowClientWatch;
  #recipient!: Recipient;
  #isOpen = false;
  #inTurn = false;
  #sendingMore = false;
  #cancelRetry: Cancel | undefined;
  /** Sends that wait until the client reads, such as many retained messages at once. */
  #backlog: (() => void)[] = [];

  constructor({ socket, clock, turn, memory, packetBytesMax }: Target, port: OutboundPort) {
    this.#socket = socket;
    this.#clock = clock;
    this.#turn = turn;
    this.#port = port;
    this.#bytes = new OutboundBytes(socket, memory);
    this.#reader = new SlowClientWatch(socket, clock, packetBytesMax, () => port.close(CLOSING.slow));
  }

  /** The owner that the end of the turn is charged to. */
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

  /** Sends a packet other than PUBLISH at the end of the turn. */
  packet(packet: ServerPacket): void {
    this.#recipient.sender.packet(packet);
    this.scheduleFlush();
  }

  /** Sends a PUBLISH at the end of the turn. Returns false if it is larger than the client accepts. */
  publish(message: OutboundMessage, header: PublishHeader): boolean {
    const { sender } = this.#recipient;
    const isTaken = sender.publish(message, header);
    this.#bytes.sending(sender.bytes);
    this.scheduleFlush();
    return isTaken;
  }

  /** Sends a message now (QoS 0) or in its turn. If the client does not read, messages are dropped, QoS 0 first. */
  deliver(
    envelope: OutboundMessage,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | null,
  ): void {
    if (!this.#isOpen) return;
    if (qos === 0 && this.isBehindFor(envelope.bytes)) this.#recipient.hub.traffic.publishesDropped++;
    else this.deliverWaited(envelope, qos, retain, subscriptionIdentifiers);
  }

  /**
   * Sends a message that waited until the client had read enough, without checking again whether the client is behind.
   */
  deliverWaited(
    envelope: OutboundMessage,
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

  /** Sends a message that is stored in the queue of this connection's session. */
  deliverStored(message: QueuedDelivery): void {
    if (!this.#isOpen) return;
    try {
      this.#recipient.outgoing.offerStored(message);
    } catch (error) {
      this.#port.fault(error);
    }
  }

  /**
   * Sends an answer to this connection only. It is never stored, because a later connection did not ask. Where the queue
   * is stored, its QoS is at most 1.
   */
  answer(envelope: OutboundMessage, qos: QoS): void {
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

  /** Continues sending in the next turn, or after a delay, when there may be memory again. */
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

  /** Whether `bytes` more should wait, because the client has much to read already, or its account has no memory. */
  isBehindFor(bytes: number): boolean {
    return this.#bytes.isBehind(this.#recipient.sender.bytes, bytes);
  }

  /** Continues sending when the transport has sent everything it was given. */
  drained(): void {
    this.#chargeSending();
    if (!this.#isOpen) return;
    try {
      this.#sendMore();
    } catch (error) {
      this.#port.fault(error);
    }
  }

  /** Has `endTurn` called at the end of this turn, because something was written or may now be. */
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
      // The last answer and DISCONNECT are sent together: in between, the client would send another request.
      if (!isLast) this.flush();
      this.#sendMore();
    } catch (error) {
      this.#port.fault(error);
    }
    if (isLast) this.#port.close(CLOSING.stopping);
  }

  /** Hands the collected packets to the transport. */
  flush(): void {
    const { sender, stored } = this.#recipient;
    const written = sender.flush((bytes) => this.#socket.send(bytes));
    this.#port.flushed(written);
    stored?.flush();
    this.#reader.sent(written.bytes);
    this.#chargeSending();
  }

  /** Charges unsent bytes to the account; the connection ends if the account has no memory for them. */
  #chargeSending(): void {
    if (this.#isOpen && !this.#bytes.sent()) this.#port.close(CLOSING.slow);
  }

  #sendMore(): void {
    if (!this.#isOpen) return;
    const { outgoing, sender } = this.#recipient;
    this.#sendingMore = true;
    if (this.#backlog.length > 0 && !this.isBehind && !outgoing.isFull) this.#backlog.shift()?.();
    this.#sendingMore = false;
    // One per turn: each takes a while.
    if (this.#backlog.length > 0 && !this.isBehind && !outgoing.isFull) this.scheduleFlush();
    outgoing.pump();
    if (sender.bytes > 0) this.scheduleFlush();
  }
}
