/**
 * A whole HTTP/1.1 request with slots: `{uuid}` becomes a random twin's id, `{cursor}` a scan cursor for it, `{digits}`
 * eight random digits. All have a fixed width, so that a request is made by overwriting bytes: the generator must cost
 * far less than the server that it measures.
 */
export type RequestText = {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
};

/** Returns the next request's bytes, valid until the next call. */
export type NextRequest = () => Uint8Array;

const UUID_LENGTH = 36;
const CURSOR_LENGTH = 48;
const DIGITS = 8;

/** `ids` contains the ids of all twins, 36 bytes each. */
export function compileRequest(text: RequestText, host: string, ids: Buffer): NextRequest {
  const { bytes, slots } = layOut(text, host);
  // 36 is divisible by 3, so the base64 of all ids contains the base64 of each; and a UUID's base64 has no character
  // that a URL would escape.
  const cursors = slots.cursor === undefined ? Buffer.alloc(0) : Buffer.from(ids.toString("base64"));
  const twins = ids.length / UUID_LENGTH;
  return () => {
    const twin = Math.floor(Math.random() * twins);
    if (slots.uuid !== undefined) copySlot(bytes, slots.uuid, ids, twin, UUID_LENGTH);
    if (slots.cursor !== undefined) copySlot(bytes, slots.cursor, cursors, twin, CURSOR_LENGTH);
    if (slots.digits !== undefined) fillDigits(bytes, slots.digits);
    return bytes;
  };
}

type Slots = { uuid?: number; cursor?: number; digits?: number };

function layOut({ method, path, headers = {}, body = "" }: RequestText, host: string): { bytes: Buffer; slots: Slots } {
  const widened = widen(body);
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== "") lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(widened)}`);
  let text = widen(`${lines.join("\r\n")}\r\n\r\n`) + widened;
  const slots: Slots = {};
  for (const name of ["uuid", "cursor", "digits"] as const) {
    const mark = new RegExp(`\\{${name}\\}#*`);
    const at = text.search(mark);
    if (at < 0) continue;
    slots[name] = Buffer.byteLength(text.slice(0, at));
    text = text.replace(mark, (slot) => "0".repeat(slot.length));
  }
  return { bytes: Buffer.from(text), slots };
}

/** Gives every slot its width. */
const widen = (text: string) =>
  text
    .replace("{uuid}", "{uuid}".padEnd(UUID_LENGTH, "#"))
    .replace("{cursor}", "{cursor}".padEnd(CURSOR_LENGTH, "#"))
    .replace("{digits}", "{digits}".padEnd(DIGITS, "#"));

function copySlot(bytes: Buffer, at: number, from: Buffer, index: number, width: number): void {
  from.copy(bytes, at, index * width, (index + 1) * width);
}

function fillDigits(bytes: Buffer, at: number): void {
  let rest = Math.floor(Math.random() * 10 ** DIGITS);
  for (let i = DIGITS - 1; i >= 0; i--) {
    bytes[at + i] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
