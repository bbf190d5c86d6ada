import { REASON, type ReasonCode } from "./packets.ts";

/** Why a connection ends. */
export type Closing = {
  /**
   * Reason code of the DISCONNECT to an MQTT 5 client; null if none is sent, because the client left or does not read.
   */
  reasonCode: ReasonCode | null;
  /** For the log, and for the client as reason string. */
  text: string;
  will: "publish" | "discard";
  /** Closes at once, dropping unsent bytes. */
  abort?: true;
  /** Emits a hub event. */
  event?: true;
};

const withReason = (reasonCode: ReasonCode, text: string): Closing => ({ reasonCode, text, will: "publish" });

// Only a DISCONNECT with Normal disconnection discards the will [MQTT-3.1.2-10, MQTT-3.14.4-3].
export const CLOSING = {
  left: { reasonCode: null, text: "client disconnected", will: "discard" },
  leftWithWill: { reasonCode: null, text: "client disconnected with will message", will: "publish" },
  lost: { reasonCode: null, text: "connection lost", will: "publish" },
  silent: withReason(REASON.keepAliveTimeout, "keep alive timeout"),
  takenOver: withReason(REASON.sessionTakenOver, "session taken over"),
  stopping: withReason(REASON.serverShuttingDown, "server shutting down"),
  slow: { ...withReason(REASON.quotaExceeded, "client does not read"), abort: true, event: true },
  flooding: { ...withReason(REASON.quotaExceeded, "too much waits to be processed"), event: true },
  tooFast: { ...withReason(REASON.messageRateTooHigh, "message rate too high"), event: true },
  failed: withReason(REASON.implementationSpecific, "internal error"),
  unavailable: withReason(REASON.serverBusy, "the server could not store it"),
} satisfies Record<string, Closing>;

export const protocolClosing = (reasonCode: ReasonCode, text: string): Closing => ({
  ...withReason(reasonCode, text),
  event: true,
});

/** The device or its hub was changed through the API. */
export const administrativeClosing = (text: string): Closing => withReason(REASON.administrativeAction, text);
export const unauthorisedClosing = (text: string): Closing => withReason(REASON.notAuthorized, text);
