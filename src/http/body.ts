import { invalid } from "../kernel/failure.ts";

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
  if (announced !== undefined && announced > byteCountMax) throw tooLarge(byteCountMax);
  try {
    return announced === undefined ? await readChunks(request.body, byteCountMax) : await request.bytes();
  } catch (cause) {
    // The caller is gone: nobody hears the answer, and it is no fault of ours.
    const gone = request.signal.aborted || (cause instanceof Error && cause.name === "AbortError");
    throw gone ? invalid("body", "The connection ended before the request did.") : cause;
  }
}

async function readChunks(body: ReadableStream<Uint8Array>, byteCountMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of body) {
    byteCount += part.length;
    if (byteCount > byteCountMax) throw tooLarge(byteCountMax);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

export const tooLarge = (byteCountMax: number) =>
  invalid("too_large", `Request body is larger than ${byteCountMax} bytes.`);
