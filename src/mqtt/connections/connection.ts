import { peerKey } from "../../kernel/client-address.ts";
import type { Cancel } from "../../kernel/clock.ts";
import { describeError } from "../../kernel/failure.ts";
import type { DeviceSocket, DeviceSocketHandler } from "../../platform/device-socket.ts";
import { MemoryUse } from "../flow/memory-use.ts";
import type { Written } from "../flow/sender.ts";
import { CONNECT_TIMEOUT_MS } from "../limits.ts";
import { AckLine, type AckSlot } from "../wire/acks.ts";
import { CLOSING, type Closing, protocolClosing } from "../wire/closing.ts";
import { decode } from "../wire/codec.ts";
import { ProtocolError, type ServerPacket } from "../wire/packets.ts";
import type { Client } from "./client.ts";
import type { Context } from "./context.ts";
import { Inbound } from "./inbound.ts";
import { Outbound } from "./outbound.ts";
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
  /** Changes of its device and hub that came while it was connecting. */
  readonly missed: string[] = [];
  readonly acks = new AckLine();
  readonly memory: MemoryUse;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly #cancelTimeout: Cancel;
  #closing = false;
  /** The server stops: it ends once the client has all its answers. */
  #finishing = false;
  /** While it is finishing: it has been sent an answer since, or one is due. */
  #answering = false;

  constructor(context: Context, socket: DeviceSocket) {
    const { turn, reading, strangers, metrics, deps } = context;
    const { clock, config } = deps;
    const packetBytesMax = config.mqttPacketBytesMax;
    this.context = context;
    this.socket = socket;
    this.memory = new MemoryUse(strangers, socket.origin);
    const { memory } = this;
    const fault = (error: unknown) => this.#fault(error);
    const close = (closing: Closing) => this.close(closing);
    this.outbound = new Outbound(
      { socket, clock, turn, memory, packetBytesMax },
      {
        endsWithTurn: () => this.#finishing && this.#answering && this.inbound.inWork === 0,
        flushed: (written) => this.#count(written),
        fault,
        close,
      },
    );
    this.inbound = new Inbound(
      { socket, reading, memory, received: metrics.received, packetBytesMax },
      { process: (frame) => this.#process(frame), isClosed: () => this.state === "closed", fault, close },
    );
    this.#cancelTimeout = clock.at(clock.now() + CONNECT_TIMEOUT_MS, () => this.close(CLOSING.lost));
  }

  // What the transport calls.

  onBytes(bytes: Uint8Array): void {
    if (this.state === "closed") return;
    if (this.state === "open") this.client.keepAlive?.heard();
    this.inbound.received(bytes);
  }

  onDrain(): void {
    this.outbound.drained();
  }

  onClose(): void {
    this.close(CLOSING.lost);
  }

  // What the broker's parts ask of it.

  /** A packet that is no PUBLISH. */
  send(packet: ServerPacket): void {
    if (this.state !== "open") return;
    this.outbound.packet(packet);
    this.#answering = true;
  }

  /** Sends an acknowledgement in its turn. */
  settle(slot: AckSlot, packet: ServerPacket): void {
    this.acks.settle(slot, packet, (due) => this.send(due));
  }

  /** Goes on when something is stored. If it waits for too much, the connection is not read any further. */
  await<Result>(work: Promise<Result>, done: (result: Result) => void, failed: (error: unknown) => void): void {
    const end = this.inbound.begin(this.inbound.frame?.length ?? 0);
    this.#answering = true;
    const settle = (then: () => void) => {
      try {
        then();
      } catch (error) {
        this.#fault(error);
      }
      end();
      if (this.#finishing) this.outbound.scheduleFlush();
    };
    work.then(
      (result) => settle(() => done(result)),
      (error) => settle(() => failed(error)),
    );
  }

  mayReceive(topic: string): boolean {
    return this.client.access.mayReceive(topic);
  }

  /** The client was not heard for longer than its keep alive allows; it may be we who do not listen. */
  fellSilent(): void {
    if (this.inbound.isPaused) this.client.keepAlive?.listen();
    else this.close(CLOSING.silent);
  }

  /** Everything is ready for the client. What it has sent meanwhile still waits for `inbound.readOn`. */
  opened(client: Client): void {
    this.client = client;
    this.state = "open";
    this.outbound.open(client);
    this.inbound.belongsTo(client.actor.accountId, client.deviceId);
    this.memory.moveTo(client.hub.memory);
    this.#cancelTimeout();
  }

  /**
   * The server stops: ends the connection in the turn in which the client is sent its last answer, when it cannot have asked for more.
   * It may have many requests on their way, so after `hearNoMore` only those are answered that have come.
   */
  finish(): void {
    this.#finishing = true;
    this.#answering = this.inbound.inWork > 0;
    if (this.state !== "open") this.close(CLOSING.stopping);
  }

  hearNoMore(): void {
    if (this.inbound.inWork > 0) this.inbound.stop();
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
    if (before === "open") this.outbound.flush();
    this.state = "closed";
    this.#cancelTimeout();
    this.outbound.end();
    this.inbound.end();
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

  #process(frame: Uint8Array): void {
    if (this.state === "new") {
      this.#connect(frame);
      return;
    }
    const { level, deviceId } = this.client;
    this.context.activity.note(deviceId);
    this.outbound.scheduleFlush();
    this.context.protocol.dispatch(this, decode(frame, level));
  }

  #connect(frame: Uint8Array): void {
    this.state = "connecting";
    this.inbound.hold();
    this.socket.spoke();
    const done = this.inbound.begin(frame.length);
    this.context.protocol
      .connect(this, frame)
      .catch((error) => this.#fault(error))
      .finally(done);
  }

  #count({ bytes, packets, publishes, tooLarge }: Written): void {
    const { inbound, client } = this;
    const { traffic } = client.hub;
    this.context.presence.count(client.deviceId, inbound.packets + packets);
    traffic.packetsReceived += inbound.packets;
    traffic.bytesReceived += inbound.bytes;
    traffic.publishesDropped += tooLarge;
    traffic.packetsSent += packets;
    traffic.publishesSent += publishes;
    traffic.bytesSent += bytes;
    inbound.counted();
  }

  /** The client breaks the protocol: it is told why, and the connection ends [MQTT-4.13.1-1]. Anything else is a bug of ours. */
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
