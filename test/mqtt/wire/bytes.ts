// Packets byte by byte: those that no encoder would make.

type Part = number | string | Uint8Array | readonly Part[];

const utf8 = new TextEncoder();

export const bytes = (...parts: Part[]): Uint8Array => {
  const all = parts.flatMap(function flat(part: Part): number[] {
    if (typeof part === "number") return [part];
    if (typeof part === "string") return [...utf8.encode(part)];
    return part instanceof Uint8Array ? [...part] : part.flatMap(flat);
  });
  return new Uint8Array(all);
};

export const uint16 = (value: number) => [value >> 8, value & 0xff];
export const uint32 = (value: number) => [...uint16(value >>> 16), ...uint16(value & 0xffff)];

function varInt(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varInt(value >>> 7)];
}

/** Texts or bytes with their length before them. */
export function counted(...parts: Part[]): Uint8Array {
  const body = bytes(...parts);
  return bytes(uint16(body.length), body);
}

/** Properties with their length before them. */
export function properties(...parts: Part[]): Uint8Array {
  const body = bytes(...parts);
  return bytes(varInt(body.length), body);
}

/** A packet: its first byte, its length, the rest. */
export function packet(firstByte: number, ...parts: Part[]): Uint8Array {
  const body = bytes(...parts);
  return bytes(firstByte, varInt(body.length), body);
}

export const CLEAN = 0b10;

/** A CONNECT, starting with its connect flags; `rest` is its payload. */
export const connect = (level: 3 | 4 | 5, flags: number, ...rest: Part[]) => {
  const protocol = level === 3 ? counted("MQIsdp") : counted("MQTT");
  return packet(0x10, protocol, level, flags, uint16(60), ...rest);
};
