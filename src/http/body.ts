import { DomainError, invalid } from "../kernel/failure.ts";

/** Bytes of request bodies that may be in work at once, over all callers; a flood of large ones is told to come back. */
const BYTES_IN_WORK_MAX = 64 * 1024 * 1024;

/** How much of the process's memory request bodies take. A reservation is given back when its request has been answered. */
export class BodyBudget {
  #taken = 0;

  reserve(byteCount: number): () => void {
    if (this.#taken + byteCount > BYTES_IN_WORK_MAX) {
      const message = "Too many large requests are in work; try again later.";
      throw new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 });
    }
    this.#taken += byteCount;
    return () => {
      this.#taken -= byteCount;
    };
  }
}

const NOTHING = new Uint8Array();

/** The length that a request announces; undefined if it does not (chunked), 0 if it has no body. */
export function announcedLength(request: Request): number | undefined {
  const header = request.headers.get("content-length");
  if (header !== null) return Number(header);
  return request.headers.has("transfer-encoding") ? undefined : 0;
}

/** Reads a body of at most `byteCountMax` bytes; more are refused as `too_large`, announced ones before any is read. */
export async function readBody(request: Request, byteCountMax: number): Promise<Uint8Array> {
  const announced = announcedLength(request);
  if (announced === 0 || request.body === null) return NOTHING;
  if (announced !== undefined) {
    if (announced > byteCountMax) throw tooLarge(byteCountMax);
    return request.bytes();
  }
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of request.body) {
    byteCount += part.length;
    if (byteCount > byteCountMax) throw tooLarge(byteCountMax);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

export const tooLarge = (byteCountMax: number) =>
  invalid("too_large", `Request body is larger than ${byteCountMax} bytes.`);
