import { DomainError } from "../../kernel/failure.ts";
import { CLOSING } from "../wire/closing.ts";
import { type Publish, REASON, type ReasonCode } from "../wire/packets.ts";
import type { Connection } from "./connection.ts";

/** The decision on a publish: the reason code of its acknowledgement, or `work` that resolves with it. */
export type PublishDecision = { reasonCode: ReasonCode; work?: Promise<ReasonCode> };

/**
 * Acknowledges a publish in order, once its effects are stored. If the store refuses it, it is not acknowledged as a
 * success: MQTT 5 has a reason code for that, and an older client is disconnected, so that it sends its message again.
 */
export function acknowledgePublish(
  connection: Connection,
  { qos, messageId }: Publish,
  { reasonCode, work }: PublishDecision,
): void {
  if (qos === 0) {
    if (work) connection.await(work, ignore, ignore);
    return;
  }
  const { client, acks } = connection;
  const packetId = messageId as number;
  const packetOf = (code: ReasonCode) =>
    ({ cmd: qos === 1 ? "puback" : "pubrec", messageId: packetId, reasonCode: code }) as const;
  if (!work && acks.length === 0) {
    connection.send(packetOf(reasonCode));
    return;
  }
  const slot = acks.hold();
  if (qos === 1) client.unacknowledged++;
  const settle = (code: ReasonCode) => {
    if (qos === 1) client.unacknowledged--;
    // A client that receives an error discards the identifier, and so does the broker [MQTT-4.3.3-9].
    else if (code >= REASON.unspecified) client.session.received.delete(packetId);
    connection.settle(slot, packetOf(code));
  };
  if (!work) settle(reasonCode);
  else
    connection.await(work, settle, (error) => {
      if (client.level < 5) connection.close(CLOSING.unavailable);
      else settle(isLimit(error) ? REASON.quotaExceeded : REASON.implementationSpecific);
    });
}

const ignore = () => {};

const isLimit = (error: unknown) => error instanceof DomainError && error.failure.code === "limited";
