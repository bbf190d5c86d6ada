import { command } from "../../store/sqlite/command.ts";
import { deleteQueued, releaseQueued } from "./queue-rows.ts";
import { deleteReceived } from "./session-rows.ts";

// Commands for the acknowledgements of QoS 1 and 2 (4.3). Each is idempotent, and does nothing if the session is gone.

/**
 * Deletes messages from a session's queue when its client has completed their exchange, with PUBACK, PUBCOMP, or a
 * PUBREC that refuses. A shared message is deleted with its last queue row.
 */
export const acknowledge = command(
  "acknowledge",
  (tx, _actor, { sessionId, positions }: { sessionId: number; positions: number[] }): null => {
    for (const [first, last] of runsOf(positions)) deleteQueued(tx, sessionId, first, last);
    return null;
  },
);

/**
 * PUBREC: the client is now responsible for the message, and only its packet identifier is kept, until PUBCOMP
 * [MQTT-4.3.3-5].
 */
export const releaseOutgoing = command(
  "release_outgoing",
  (tx, _actor, { sessionId, position }: { sessionId: number; position: number }): null => {
    releaseQueued(tx, sessionId, position);
    return null;
  },
);

/**
 * PUBREL: deletes the packet identifier of a received QoS 2 message, so that the client may use it again
 * [MQTT-4.3.3-12].
 */
export const releaseReceivedPacketId = command(
  "release_incoming",
  (tx, _actor, { sessionId, packetId }: { sessionId: number; packetId: number }): null => {
    deleteReceived(tx, sessionId, packetId);
    return null;
  },
);

/** Groups positions into runs without gaps: acknowledgements mostly arrive in order, and a run is one statement. */
function runsOf(positions: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const position of positions.toSorted((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && position <= run[1] + 1) run[1] = position;
    else runs.push([position, position]);
  }
  return runs;
}
