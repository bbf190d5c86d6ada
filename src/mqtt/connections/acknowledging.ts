import { DomainError } from "../../kernel/failure.ts";
import { CLOSING } from "../wire/closing.ts";
import { type Publish, REASON, type ReasonCode } from "../wire/packets.ts";
import type { Connection } from "./connection.ts";

/** What becomes of a publish: the code to acknowledge it by, now or, where `work` is to be done first, the one that this ends with. */
export type Taken = { reasonCode: ReasonCode; work?: Promise<ReasonCode> };

/**
 * Acknowledges a publish in its turn, once its effects are stored. What the store could not take is not acknowledged: MQTT 5 has a
 * code for it, and an earlier client is disconnected, so that it sends its message again.
 */
export function acknowledgePublish(
  connection: Connection,
  { qos, messageId }: Publish,
  { reasonCode, work }: Taken,
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
    // A client that is refused forgets the identifier, and so do we [MQTT-4.3.3-9].
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
