import { REASON, type ReasonCode } from "./packets.ts";

/** Why a connection ends. */
export type Closing = {
  /** What an MQTT 5 client is told in DISCONNECT; null if it is told nothing, because it went by itself or does not listen. */
  reasonCode: ReasonCode | null;
  /** For the journal, and for the client as reason string. */
  text: string;
  will: "publish" | "discard";
  /** At once, whatever it has not read yet. */
  abort?: true;
  /** Its hub is told. */
  event?: true;
};

const told = (reasonCode: ReasonCode, text: string): Closing => ({ reasonCode, text, will: "publish" });

// Only a DISCONNECT with Normal disconnection discards the will [MQTT-3.1.2-10, MQTT-3.14.4-3].
export const CLOSING = {
  left: { reasonCode: null, text: "client disconnected", will: "discard" },
  leftWithWill: { reasonCode: null, text: "client disconnected with will message", will: "publish" },
  lost: { reasonCode: null, text: "connection lost", will: "publish" },
  silent: told(REASON.keepAliveTimeout, "keep alive timeout"),
  takenOver: told(REASON.sessionTakenOver, "session taken over"),
  stopping: told(REASON.serverShuttingDown, "server shutting down"),
  slow: { ...told(REASON.quotaExceeded, "client does not read"), abort: true, event: true },
  flooding: { ...told(REASON.quotaExceeded, "too much waits to be processed"), event: true },
  tooFast: { ...told(REASON.messageRateTooHigh, "message rate too high"), event: true },
  failed: told(REASON.implementationSpecific, "internal error"),
  unavailable: told(REASON.serverBusy, "the server could not store it"),
} satisfies Record<string, Closing>;

export const protocolClosing = (reasonCode: ReasonCode, text: string): Closing => ({
  ...told(reasonCode, text),
  event: true,
});

/** A person or a program has changed the device or its hub. */
export const administrative = (text: string): Closing => told(REASON.administrativeAction, text);
export const unauthorised = (text: string): Closing => told(REASON.notAuthorized, text);
