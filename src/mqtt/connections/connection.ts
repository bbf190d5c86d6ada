import { peerKey } from "../../kernel/client-address.ts";
import type { Cancel } from "../../kernel/clock.ts";
import { describeError } from "../../kernel/failure.ts";
import type { DeviceSocket, DeviceSocketHandler } from "../../platform/device-socket.ts";
import { ConnectionMemory } from "../flow/connection-memory.ts";
import type { FlushedCounts } from "../flow/sender.ts";
import { CONNECT_TIMEOUT_MS } from "../limits.ts";
import { AckQueue, type AckSlot } from "../wire/acks.ts";
import { CLOSING, type Closing, protocolClosing } from "../wire/closing.ts";
import { decode } from "../wire/codec.ts";
import { ProtocolError, type ServerPacket } from "../wire/packets.ts";
import type { Client } from "./client.ts";
import type { Context } from "./context.ts";
import { Inbound } from "./inbound.ts";
import { Outbound } from "./outbound.ts";
import { reportRefusal } from "./report-refusal.ts";

/**
 * One device's connection, as a state machine that dispatches each packet to its handler.
 *
 * - `new`: the first packet must be a CONNECT, and arrive in time [MQTT-3.1.0-1].
 * - `connecting`: the device is being identified and its session loaded; packets that arrive meanwhile wait.
 * - `open`: all packets are handled.
 * - `closed`: nothing is handled any more.
 */
export class Connection implements DeviceSocketHandler {
  readonly context: Context;
  readonly socket: DeviceSocket;
  state: "new" | "connecting" | "open" | "closed" = "new";
  /** Set once the connection is open. */
  client!: Client;
  /** Device and hub changes that arrived while connecting; applied when the connection opens. */
  readonly missed: string[] = [];
  readonly acks = new AckQueue();
  readonly memory: ConnectionMemory;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly #cancelTimeout: Cancel;
  #closing = false;
  /** The server stops: the connection ends once the client has all its answers. */
  #finishing = false;
  /** While finishing: an answer was sent since, or is due. */
  #answering = false;

  constructor(context: Context, socket: DeviceSocket) {
    const { turn, reading, strangers, metrics, deps } = context;
    const { clock, config } = deps;
    const packetBytesMax = config.mqttPacketBytesMax;
    this.context = context;
    this.socket = socket;
    this.memory = new ConnectionMemory(strangers, socket.origin);
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

  // Called by the transport.

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

  // Called by the other parts of the broker.

  /** Sends a packet other than PUBLISH. */
  send(packet: ServerPacket): void {
    if (this.state !== "open") return;
    this.outbound.packet(packet);
    this.#answering = true;
  }

  /** Sends an acknowledgement once those before it are sent. */
  settle(slot: AckSlot, packet: ServerPacket): void {
    this.acks.settle(slot, packet, (due) => this.send(due));
  }

  /** Calls `done` or `failed` once the work is stored. While too much is in work, the connection is not read. */
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

  /**
   * Closes the connection after the keep alive time without a packet; if the server itself paused reading, restarts the
   * timer instead.
   */
  onKeepAliveTimeout(): void {
    if (this.inbound.isPaused) this.client.keepAlive?.listen();
    else this.close(CLOSING.silent);
  }

  /** Opens the connection for the client. What the client sent meanwhile waits until `inbound.readOn`. */
  opened(client: Client): void {
    this.client = client;
    this.state = "open";
    this.outbound.open(client);
    this.inbound.belongsTo(client.actor.accountId, client.deviceId);
    this.memory.moveTo(client.hub.memory);
    this.#cancelTimeout();
  }

  /**
   * The server stops. Ends the connection in the same turn as the client's last answer, so that the client cannot send
   * another request in between. More requests may be on their way: after `stopReading` only those that arrived are answered.
   */
  finish(): void {
    this.#finishing = true;
    this.#answering = this.inbound.inWork > 0;
    if (this.state !== "open") this.close(CLOSING.stopping);
  }

  stopReading(): void {
    if (this.inbound.inWork > 0) this.inbound.stop();
    else this.close(CLOSING.stopping);
  }

  close(closing: Closing): void {
    const before = this.state;
    if (before === "closed" || this.#closing) return;
    this.#closing = true;
    if (before === "open" && closing.event) reportRefusal(this, closing.text);
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

  #count({ bytes, packets, publishes, tooLarge }: FlushedCounts): void {
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

  /** Closes the connection with the reason if the client broke the protocol [MQTT-4.13.1-1]; logs any other error as a bug. */
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
