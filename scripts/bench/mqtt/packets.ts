// The part of MQTT 3.1.1 that a load needs, written and read as bytes: with a real parser the generator would be the
// limit.

export const TYPE = { connack: 2, publish: 3, puback: 4, suback: 9 } as const;

export type QoS = 0 | 1;

const text = (value: string) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function packet(first: number, body: Buffer): Buffer {
  const head = [first];
  for (let rest = body.length; ; rest >>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from(head), body]);
}

const CLEAN = 0x02;
const WITH_USER_NAME = 0x80;

type Connect = { clientId: string; userName?: string; persistent?: boolean };

/** A CONNECT of level 4, without keep alive. */
export function connect({ clientId, userName, persistent = false }: Connect): Buffer {
  const flags = (persistent ? 0 : CLEAN) | (userName === undefined ? 0 : WITH_USER_NAME);
  const fields = [text("MQTT"), Buffer.from([4, flags, 0, 0]), text(clientId)];
  return packet(0x10, Buffer.concat(userName === undefined ? fields : [...fields, text(userName)]));
}

export const subscribe = (filter: string, qos: QoS) =>
  packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(filter), Buffer.from([qos])]));

/** At QoS 1 the packet identifier is 0, for the sender to fill in. */
export function publish(topic: string, payload: Uint8Array, qos: QoS): Buffer {
  const identifier = qos === 0 ? Buffer.alloc(0) : Buffer.alloc(2);
  return packet(0x30 | (qos << 1), Buffer.concat([text(topic), identifier, payload]));
}

export const DISCONNECT = Buffer.from([0xe0, 0]);

export const puback = (identifier: number) => Buffer.from([0x40, 2, identifier >> 8, identifier & 255]);

/** The positions of a packet's parts in a buffer. */
export type Seen = { bytes: Buffer; type: number; qos: number; body: number; end: number };

/** Calls back for each complete packet, in whatever pieces it arrives. The same object is reused for each. */
export function packetReader(onPacket: (seen: Seen) => void): (chunk: Buffer) => void {
  let kept: Buffer | undefined;
  const seen: Seen = { bytes: Buffer.alloc(0), type: 0, qos: 0, body: 0, end: 0 };
  return (chunk) => {
    const bytes = kept ? Buffer.concat([kept, chunk]) : chunk;
    let at = 0;
    while (at + 2 <= bytes.length) {
      let length = 0;
      let shift = 0;
      let body = at + 1;
      let digit = 128;
      while (digit & 128 && body < bytes.length) {
        digit = bytes[body++] as number;
        length |= (digit & 127) << shift;
        shift += 7;
      }
      if (digit & 128 || body + length > bytes.length) break;
      const first = bytes[at] as number;
      seen.bytes = bytes;
      seen.type = first >> 4;
      seen.qos = (first >> 1) & 3;
      seen.body = body;
      seen.end = body + length;
      at = seen.end;
      onPacket(seen);
    }
    kept = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
  };
}

/** The packet identifier of a PUBLISH with QoS 1, or of an acknowledgement. */
export function identifierOf({ bytes, type, body }: Seen): number {
  const at = type === TYPE.publish ? body + 2 + bytes.readUInt16BE(body) : body;
  return bytes.readUInt16BE(at);
}

/** Where the payload of a PUBLISH begins. */
export const payloadAt = ({ bytes, qos, body }: Seen) => body + 2 + bytes.readUInt16BE(body) + (qos > 0 ? 2 : 0);
