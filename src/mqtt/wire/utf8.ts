import { ProtocolError, REASON } from "./packets.ts";

// MQTT text: well-formed UTF-8 without U+0000. A byte order mark is an ordinary character [MQTT-1.5.4-3].

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Faster for ASCII, which most names are; there Latin-1 is the same. */
const latin1Slice = Buffer.prototype.latin1Slice;

/** The text in bytes[start, end). Refuses surrogates and other invalid UTF-8, and U+0000. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let ascii = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === 0) {
      throw new ProtocolError(REASON.malformedPacket, "a text contains the null character", "MQTT-1.5.4-2");
    }
    if (byte >= 0x80) ascii = false;
  }
  if (ascii) return latin1Slice.call(bytes, start, end);
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtocolError(REASON.malformedPacket, "a text is not well-formed UTF-8", "MQTT-1.5.4-1");
  }
}

/**
 * Whether a payload is what its payload format indicator 1 promises: well-formed UTF-8, in which U+0000 is allowed
 * (3.3.2.3.2).
 */
export function isWellFormed(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
