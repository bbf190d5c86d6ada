import { peerKey } from "../../kernel/client-address.ts";
import type { Cancel } from "../../kernel/clock.ts";
import { describeError } from "../../kernel/failure.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { DeviceSocket, DeviceSocketHandler } from "../../platform/device-socket.ts";
import type { Traffic } from "../events/sys-topics.ts";
import { FrameReader, type ReaderPort } from "../flow/frame-reader.ts";
import { MemoryUse } from "../flow/memory-use.ts";
import { OutboundBytes } from "../flow/outbound-bytes.ts";
import { ReaderWatch } from "../flow/reader-watch.ts";
import type { Written } from "../flow/sender.ts";
import { BACKLOG_MAX, CONNECT_TIMEOUT_MS, HELD_BYTES_MAX, ROOM_RETRY_MS } from "../limits.ts";
import { AckLine, type AckSlot } from "../wire/acks.ts";
import { CLOSING, type Closing, protocolClosing } from "../wire/closing.ts";
import { decode } from "../wire/codec.ts";
import type { Envelope, Wrapping } from "../wire/envelope.ts";
import { ProtocolError, type QoS, type ServerPacket } from "../wire/packets.ts";
import type { Client } from "./client.ts";
import type { Context } from "./context.ts";
import type { Queued } from "./outgoing.ts";
import { tell } from "./tell.ts";

/**
 * One device's connection: a state machine that hands each packet to what it is for.
 *
 * - `new`: nothing but a CONNECT may come, and soon [MQTT-3.1.0-1].
 * - `connecting`: who it is, and its session, are being looked up; what comes meanwhile waits.
 * - `open`: all packets.
 * - `closed`: nothing any more.
 */
export class Connection implements DeviceSocketHandler {
  readonly context: Context;
  readonly socket: DeviceSocket;
  state: "new" | "connecting" | "open" | "closed" = "new";
  /** Who it is, once it is open. */
  client!: Client;
  /** The packet that is being worked on. */
  frame: Uint8Array | null = null;
  /** Changes of its device and hub that it is to heed once it is open. */
  readonly missed: string[] = [];
  readonly acks = new AckLine();
  readonly memory: MemoryUse;
  readonly #frames: FrameReader;
  readonly #outbound: OutboundBytes;
  readonly #reader: ReaderWatch;
  readonly #cancelTimeout: Cancel;
  #cancelRetry: Cancel | undefined;
  /** Packets of this turn, and the CONNECT from before anybody knew whose it was. */
  #received = 0;
  #receivedBytes = 0;
  #inTurn = false;
  #sendingMore = false;
  #closing = false;
  /** The server stops: it ends once the client has what it is owed, and from then on is deaf. */
  #finishing: "no" | "listening" | "deaf" = "no";
  /** It has been sent an answer since, or is owed one. */
  #answering = false;
  /** What waits for the client to read, such as many retained messages at once. */
  #backlog: (() => void)[] = [];

  constructor(context: Context, socket: DeviceSocket) {
    const { clock, config } = context.deps;
    this.context = context;
    this.socket = socket;
    this.memory = new MemoryUse(context.strangers, socket.origin);
    this.#outbound = new OutboundBytes(socket, this.memory);
    this.#frames = new FrameReader(
      context.reading,
      socket,
      config.mqttPacketBytesMax,
      this.#portOf(config.mqttPacketBytesMax),
    );
    this.#reader = new ReaderWatch(socket, clock, config.mqttPacketBytesMax, () => this.close(CLOSING.slow));
    this.#cancelTimeout = clock.at(clock.now() + CONNECT_TIMEOUT_MS, () => this.close(CLOSING.lost));
  }

  /** Whom its work is charged to. */
  get owner(): Owner {
    return { account: this.client.actor.accountId, member: this.client.deviceId };
  }

  // What the transport calls.

  onBytes(bytes: Uint8Array): void {
    if (this.state === "closed") return;
    if (this.state === "open") this.client.keepAlive?.heard();
    this.#frames.received(bytes);
  }

  onDrain(): void {
    this.#chargeSending();
    if (this.state === "open") this.#guard(() => this.#sendMore());
  }

  onClose(): void {
    this.close(CLOSING.lost);
  }

  // What the broker's parts ask of it.

  /** A packet that is no PUBLISH. */
  send(packet: ServerPacket): void {
    if (this.state !== "open") return;
    this.client.sender.packet(packet);
    this.#answering = true;
    this.touch();
  }

  /** Sends a message now (QoS 0) or in its turn. What a client that does not read cannot take is dropped, QoS 0 first. */
  deliver(envelope: Envelope, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[] | null): void {
    if (this.state !== "open") return;
    if (qos === 0 && this.isBehindFor(envelope.bytes)) this.client.hub.traffic.publishesDropped++;
    else this.hand(envelope, qos, retain, subscriptionIdentifiers);
  }

  /** The same for a message that waited for the client to read. */
  hand(envelope: Envelope, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[] | null): void {
    if (this.state !== "open") return;
    const { outgoing, hub } = this.client;
    this.#guard(() => {
      const how = { qos, retain, subscriptionIdentifiers };
      if (qos === 0) this.sendPublish(envelope, { ...how, dup: false, packetId: 0 });
      else if (!outgoing.offer({ ...how, envelope })) hub.traffic.publishesDropped++;
    });
    this.touch();
  }

  /** Puts a PUBLISH among what is sent at the end of the turn. False if the client does not take one that large. */
  sendPublish(envelope: Envelope, wrapping: Wrapping): boolean {
    const { sender } = this.client;
    const isTaken = sender.publish(envelope, wrapping);
    this.#outbound.sending(sender.bytes);
    this.touch();
    return isTaken;
  }

  /** Sends a message that the store has put into the queue of this connection's session. */
  deliverStored(message: Queued): void {
    if (this.state === "open") this.#guard(() => this.client.outgoing.offerStored(message));
  }

  /** Sends an answer to this connection alone. One that outlives it would be none: it is never stored, and at most QoS 1 where the queue is. */
  answer(envelope: Envelope, qos: QoS): void {
    if (this.state !== "open") return;
    const { outgoing, session } = this.client;
    const how = { envelope, retain: false, subscriptionIdentifiers: null };
    if (qos === 0) this.deliver(envelope, qos, false, null);
    else outgoing.offerAnswer({ ...how, qos: session.durable ? 1 : qos });
  }

  /** Does it as soon as the client has read enough of what was sent before. */
  whenReading(send: () => void): void {
    this.#backlog.push(send);
    if (this.#backlog.length > BACKLOG_MAX) this.close(CLOSING.slow);
    else if (!this.#sendingMore) this.#sendMore();
  }

  /** Sends on in the next turn; or after a while, when there may be memory for what waits. */
  pumpLater(soon: boolean): void {
    if (soon) {
      this.touch();
      return;
    }
    const { clock } = this.context.deps;
    this.#cancelRetry ??= clock.at(clock.now() + ROOM_RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.touch();
    });
  }

  get isBehind(): boolean {
    return this.isBehindFor(0);
  }

  /** Whether so many bytes more had better wait, because it has much to read already, or its account no memory for them. */
  isBehindFor(bytes: number): boolean {
    return this.#outbound.isBehind(this.client.sender.bytes, bytes);
  }

  mayReceive(topic: string): boolean {
    return this.client.access.mayReceive(topic);
  }

  /** Goes on when something is stored. If it waits for too much, the connection is not read any further. */
  await<Result>(work: Promise<Result>, done: (result: Result) => void, failed: (error: unknown) => void): void {
    const end = this.#frames.begin(this.frame?.length ?? 0);
    this.#answering = true;
    const settle = (then: () => void) => {
      this.#guard(then);
      end();
      if (this.#finishing !== "no") this.touch();
    };
    work.then(
      (result) => settle(() => done(result)),
      (error) => settle(() => failed(error)),
    );
  }

  /** The client was not heard for longer than its keep alive allows; it may be we who do not listen. */
  fellSilent(): void {
    if (this.#frames.isPaused) this.client.keepAlive?.listen();
    else this.close(CLOSING.silent);
  }

  /** Sends an acknowledgement in its turn. */
  settle(slot: AckSlot, packet: ServerPacket): void {
    this.acks.settle(slot, packet, (due) => this.send(due));
  }

  /** Everything is ready for the client: what it sent meanwhile is looked at. */
  opened(client: Client): void {
    this.client = client;
    this.state = "open";
    this.#frames.belongsTo(client.actor.accountId, client.deviceId);
    this.memory.moveTo(client.hub.memory);
    this.#cancelTimeout();
  }

  /** After CONNACK. */
  readOn(): void {
    this.#frames.readOn();
  }

  /**
   * The server stops: ends the connection in the turn in which the client is sent its last answer, when it cannot have asked for more.
   * It may have many requests on their way, so after `hearNoMore` only those are answered that have come.
   */
  finish(): void {
    this.#finishing = "listening";
    this.#answering = this.#frames.inWork > 0;
    if (this.state !== "open") this.close(CLOSING.stopping);
  }

  hearNoMore(): void {
    this.#finishing = "deaf";
    if (this.#frames.inWork > 0) this.#frames.pause();
    else this.close(CLOSING.stopping);
  }

  close(closing: Closing): void {
    const before = this.state;
    if (before === "closed" || this.#closing) return;
    this.#closing = true;
    if (before === "open" && closing.event) tell(this, closing.text);
    if (before === "open" && closing.reasonCode !== null && this.client.level === 5) {
      this.send({ cmd: "disconnect", reasonCode: closing.reasonCode, properties: { reasonString: closing.text } });
    }
    if (before === "open") this.#flush();
    this.state = "closed";
    this.#cancelTimeout();
    this.#cancelRetry?.();
    this.#reader.stop();
    this.#frames.end();
    this.#backlog = [];
    this.memory.end();
    if (closing.abort) this.socket.abort();
    else this.socket.end();
    this.context.onClosed(this);
    if (before === "open") this.#leave(closing);
  }

  #leave({ text, will }: Closing): void {
    const { session, outgoing, keepAlive, actor } = this.client;
    keepAlive?.stop();
    outgoing.close();
    this.context.leaving(this.context.presence.left(actor, this, text));
    const sentThrough = this.client.stored?.sentThrough;
    this.context.leaving(this.context.protocol.leave(this.context, session, this, { will, sentThrough }));
  }

  // Reading.

  #process(frame: Uint8Array): void {
    this.context.metrics.received.add(frame);
    this.#received++;
    this.#receivedBytes += frame.length;
    if (this.state === "new") {
      this.state = "connecting";
      this.socket.spoke();
      const done = this.#frames.begin(frame.length);
      this.context.protocol
        .connect(this, frame)
        .catch((error) => this.#fault(error))
        .finally(done);
      return;
    }
    const { level, deviceId } = this.client;
    this.context.activity.note(deviceId);
    this.touch();
    this.frame = frame;
    this.context.protocol.dispatch(this, decode(frame, level));
    this.frame = null;
  }

  #portOf(packetBytesMax: number): ReaderPort {
    return {
      process: (frame) => this.#process(frame),
      isClosed: () => this.state === "closed",
      isHeld: () => this.state === "connecting" || this.#finishing === "deaf",
      failed: (error) => this.#fault(error),
      // It is paid for; one who cannot be held back, or has no memory left for it, ends.
      waiting: (unreadBytes, memoryBytes) => {
        const isFlooding = unreadBytes > HELD_BYTES_MAX + packetBytesMax;
        if (isFlooding || !this.memory.set("unread", memoryBytes)) this.close(CLOSING.flooding);
      },
    };
  }

  // Writing.

  /** Something was written, or may now be: the turn's end sees to it. */
  touch(): void {
    if (this.#inTurn) return;
    this.#inTurn = true;
    this.context.turn.add(this);
  }

  endTurn(): void {
    this.#inTurn = false;
    if (this.state !== "open") return;
    const isAnswered = this.#finishing !== "no" && this.#answering && this.#frames.inWork === 0;
    this.#guard(() => {
      // The last answer and DISCONNECT go in one piece: between two the client would ask for more.
      if (!isAnswered) this.#flush();
      this.#sendMore();
    });
    if (isAnswered) this.close(CLOSING.stopping);
  }

  #flush(): void {
    const { sender, hub, deviceId } = this.client;
    const written = sender.flush((bytes) => this.socket.send(bytes));
    this.#count(hub.traffic, deviceId, written);
    this.client.stored?.flush();
    this.#reader.sent(written.bytes);
    this.#chargeSending();
  }

  /** What the client has not taken yet is paid for; where its account has no memory for it, it ends. */
  #chargeSending(): void {
    if (this.state === "open" && !this.#outbound.sent()) this.close(CLOSING.slow);
  }

  #count(traffic: Traffic, deviceId: string, { bytes, packets, publishes, tooLarge }: Written): void {
    this.context.presence.count(deviceId, this.#received + packets);
    traffic.packetsReceived += this.#received;
    traffic.bytesReceived += this.#receivedBytes;
    traffic.publishesDropped += tooLarge;
    traffic.packetsSent += packets;
    traffic.publishesSent += publishes;
    traffic.bytesSent += bytes;
    this.#received = this.#receivedBytes = 0;
  }

  #sendMore(): void {
    if (this.state !== "open") return;
    const { outgoing } = this.client;
    this.#sendingMore = true;
    if (this.#backlog.length > 0 && !this.isBehind && !outgoing.isFull) this.#backlog.shift()?.();
    this.#sendingMore = false;
    // One thing a turn: each is some work.
    if (this.#backlog.length > 0 && !this.isBehind && !outgoing.isFull) this.touch();
    outgoing.pump();
    if (this.client.sender.bytes > 0) this.touch();
  }

  // Faults.

  /** The client breaks the protocol: it is told why, and the connection ends [MQTT-4.13.1-1]. Anything else is a bug of ours. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    if (this.state === "closed") return;
    if (!(error instanceof ProtocolError)) {
      const { peer } = this.socket;
      this.context.deps.log.caused("error", "mqtt.failed", peerKey(peer), { peer, error: describeError(error) });
      this.close(CLOSING.failed);
      return;
    }
    const { reasonCode, message, clause } = error;
    this.context.deps.log.debug("mqtt.refused", { peer: this.socket.peer, reasonCode, message, clause });
    this.close(protocolClosing(reasonCode, message));
  }
}
