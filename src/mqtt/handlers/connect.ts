import { DomainError } from "../../kernel/failure.ts";
import type { Connection } from "../connections/connection.ts";
import { decode, levelOf } from "../wire/codec.ts";
import { headerText } from "../wire/packet-text.ts";
import { type Connect, ProtocolError, REASON, type ReasonCode } from "../wire/packets.ts";
import { refuseConnect } from "./connack.ts";
import * as steps from "./connect-steps.ts";

/**
 * The steps of a CONNECT, in order. A step that refuses the client closes the connection, or throws the reason, and ends
 * the sequence. The client need not wait for the CONNACK [MQTT-3.1.4-5]: what it sends meanwhile is held until the last step.
 */
const CONNECT_STEPS: readonly steps.Step[] = [
  steps.checkProtocol,
  steps.identify,
  steps.countConnection,
  steps.announceProvisioned,
  steps.checkPlan,
  steps.chooseClientId,
  steps.takeWill,
  steps.storeConnected,
  steps.open,
  steps.sendConnack,
  steps.sendQueued,
  steps.applyChanges,
  steps.readOn,
];

/** Handles the first packet of a connection. */
export async function connect(connection: Connection, frame: Uint8Array): Promise<void> {
  try {
    await run(new steps.Opening(connection, decode(frame, null) as Connect, headerText(frame)));
  } catch (error) {
    const [reasonCode, text] = reasonOf(error);
    refuseConnect(connection, levelOf(frame), reasonCode, text);
  }
}

async function run(opening: steps.Opening): Promise<void> {
  try {
    for (const step of CONNECT_STEPS) {
      const work = step(opening);
      if (work) await work;
      if (opening.connection.state === "closed") return;
    }
  } finally {
    opening.abandon?.();
  }
}

function reasonOf(error: unknown): [ReasonCode, string] {
  if (error instanceof ProtocolError) return [error.reasonCode, error.message];
  if (!(error instanceof DomainError)) throw error;
  const { failure } = error;
  // The device was just deleted; too many sessions, or no room for the will; the store is too busy, or stopping.
  if (failure.code === "not_found") return [REASON.notAuthorized, "device is deleted"];
  if (failure.code === "limited" && failure.kind === "quota") return [REASON.quotaExceeded, failure.message];
  return [REASON.serverBusy, "the server cannot store the session now"];
}
