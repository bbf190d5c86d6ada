import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";

/**
 * The result for a name: addresses with their TTL in seconds, an error code of DNS, or undefined, which sends no reply
 * at all.
 */
export type DnsAnswer = { addresses: readonly string[]; ttl?: number } | { code: number } | undefined;

export const SERVFAIL = { code: 2 };
export const NXDOMAIN = { code: 3 };
const A = 1;
const AAAA = 28;

/** A real DNS server on a free port of the loopback address, with the replies of a test. */
export async function startDns(answer: (name: string, type: "A" | "AAAA") => DnsAnswer) {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  socket.on("message", (query, { address, port }) => {
    const { name, type, question } = read(query);
    asked.push(`${name} ${type === AAAA ? "AAAA" : "A"}`);
    for (const one of waiting.filter(({ count }) => asked.length >= count)) one.done();
    const found = answer(name, type === AAAA ? "AAAA" : "A");
    if (found) socket.send(reply(query, question, type, found), port, address);
  });
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  return {
    server: `127.0.0.1:${socket.address().port}`,
    /** The queries received, each as `name type`. */
    asked,
    /** Resolves when `count` queries were received in total. */
    async wasAsked(count: number): Promise<void> {
      if (asked.length < count) await new Promise<void>((done) => waiting.push({ count, done }));
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((done) => socket.close(done));
    },
  };
}

function read(query: Buffer): { name: string; type: number; question: Buffer } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] as number; length > 0; length = query[at] as number) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return {
    name: labels.join(".").toLowerCase(),
    type: query.readUInt16BE(at + 1),
    question: query.subarray(12, at + 5),
  };
}

/** [RFC 1035, 4.1] Only addresses of the requested type. */
function reply(query: Buffer, question: Buffer, type: number, answer: NonNullable<DnsAnswer>): Buffer {
  const addresses = "code" in answer ? [] : answer.addresses.filter((one) => isIPv6(one) === (type === AAAA));
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | ("code" in answer ? answer.code : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(type === A || type === AAAA ? addresses.length : 0, 6);
  const ttl = ("code" in answer ? undefined : answer.ttl) ?? 60;
  return Buffer.concat([head, question, ...addresses.map((address) => record(address, type, ttl))]);
}

function record(address: string, type: number, ttl: number): Buffer {
  const data = type === AAAA ? bytesOfIpv6(address) : Buffer.from(address.split(".").map(Number));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** The bytes of an address in its plain form, with at most one `::`. */
function bytesOfIpv6(address: string): Buffer {
  const [before = "", after = ""] = address.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const missing = 8 - groups(before).length - groups(after).length;
  const all = [...groups(before), ...Array<string>(missing).fill("0"), ...groups(after)];
  return Buffer.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}
