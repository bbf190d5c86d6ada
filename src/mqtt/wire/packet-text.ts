const TYPES = [
  "RESERVED",
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "AUTH",
];

/**
 * A packet as described in a hub event (specification 4.7): `CONNECT: dup: false qos: 0 retain: false rLength: 12`.
 * Read from the fixed header, which is available even if the packet cannot be decoded.
 */
export function headerText(frame: Uint8Array): string {
  const first = frame[0] ?? 0;
  const dup = (first & 8) !== 0;
  const qos = (first >> 1) & 3;
  const retain = (first & 1) !== 0;
  return `${TYPES[first >> 4]}: dup: ${dup} qos: ${qos} retain: ${retain} rLength: ${remainingLength(frame)}`;
}

/** Seven bits per byte, lowest first, four bytes at most (2.2.3 of MQTT 3.1.1, 1.5.5 of MQTT 5). */
function remainingLength(frame: Uint8Array): number {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = frame[i] ?? 0;
    length += (byte & 127) << (7 * (i - 1));
    if (byte < 128) break;
  }
  return length;
}
