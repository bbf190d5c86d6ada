// The part of WebSocket that carries packets.

export const upgradeRequest = (host: string) =>
  [
    "GET /mqtt HTTP/1.1",
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol: mqtt",
    "\r\n",
  ].join("\r\n");

/** A client's frame. A mask of zeros saves the generator the masking; the server still unmasks. */
export function binaryFrame(payload: Buffer): Buffer {
  const { length } = payload;
  if (length > 65_535) throw new Error("no row has packets this large");
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([0x82, ...size, 0, 0, 0, 0]), payload]);
}

/** Strips the handshake's response and the frame headers; the payloads are one stream of bytes. */
export function frameReader(onBytes: (bytes: Buffer) => void, onUpgrade: () => void): (chunk: Buffer) => void {
  let upgraded = false;
  let kept: Buffer | undefined;
  /** Of the frame whose header has been read. */
  let missing = 0;
  let carriesData = true;
  return (chunk) => {
    let bytes = kept ? Buffer.concat([kept, chunk]) : chunk;
    kept = undefined;
    if (!upgraded) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) {
        kept = Buffer.from(bytes);
        return;
      }
      if (!bytes.toString("latin1", 0, end).startsWith("HTTP/1.1 101")) throw new Error("the broker does not upgrade");
      upgraded = true;
      bytes = bytes.subarray(end + 4);
      onUpgrade();
    }
    let at = 0;
    while (at < bytes.length) {
      if (missing === 0) {
        const head = headLength(bytes, at);
        if (at + head > bytes.length) break;
        missing = payloadLength(bytes, at, head);
        carriesData = ((bytes[at] as number) & 15) <= 2;
        at += head;
      }
      const end = Math.min(bytes.length, at + missing);
      if (carriesData && end > at) onBytes(bytes.subarray(at, end));
      missing -= end - at;
      at = end;
    }
    if (at < bytes.length) kept = Buffer.from(bytes.subarray(at));
  };
}

function headLength(bytes: Buffer, at: number): number {
  const size = bytes[at + 1] ?? 0;
  return size === 126 ? 4 : size === 127 ? 10 : 2;
}

function payloadLength(bytes: Buffer, at: number, head: number): number {
  if (head === 2) return bytes[at + 1] as number;
  return head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}
