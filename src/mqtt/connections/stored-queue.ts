import type { DeviceActor } from "../../kernel/actor.ts";
import { describeError } from "../../kernel/failure.ts";
import { REFILL_MESSAGES } from "../limits.ts";
import { listQueued } from "../persistence/queue-rows.ts";
import { CLOSING } from "../wire/closing.ts";
import { OutboundMessage } from "../wire/outbound-message.ts";
import type { Connection } from "./connection.ts";
import type { StoredQueue } from "./outgoing.ts";

/** Where a queue begins, and up to where it may have been sent before. */
export type QueuePositions = { sessionId: number; oldest: number; sentThrough: number };

/**
 * Returns access to a stored session's queue for its connection. Messages that the client has acknowledged are removed
 * from the store once a turn.
 */
export function storedQueue(
  connection: Connection,
  actor: DeviceActor,
  { sessionId, oldest, sentThrough }: QueuePositions,
): StoredQueue & { flush(): void; readonly sentThrough: number } {
  const { deps, sessions } = connection.context;
  let settled: number[] = [];
  let newest = sentThrough;
  return {
    oldest,
    read(from) {
      const now = deps.clock.now();
      const rows = deps.store.read((reader) => listQueued(reader, sessionId, from, REFILL_MESSAGES));
      return rows.map(({ message, ...row }) => ({ ...row, envelope: message && new OutboundMessage(message, now) }));
    },
    release(position, done) {
      const released = sessions.releaseOutgoing(actor, { sessionId, position });
      connection.await(released, done, () => connection.close(CLOSING.unavailable));
    },
    settled(position) {
      settled.push(position);
      connection.outbound.scheduleFlush();
    },
    wasSent: (position) => position <= sentThrough,
    sent(position) {
      newest = Math.max(newest, position);
    },
    get sentThrough() {
      return newest;
    },
    flush() {
      if (settled.length === 0) return;
      const positions = settled;
      settled = [];
      // What stays in the store is sent once more when the client reconnects, as MQTT allows.
      sessions.acknowledge(actor, { sessionId, positions }).catch((error) => {
        deps.log.warn("mqtt.not_acknowledged", { messages: positions.length, error: describeError(error) });
      });
    },
  };
}
