import type { Cancel, Clock } from "../kernel/clock.ts";
import { invalid } from "../kernel/failure.ts";
import type { Hold } from "../kernel/fairness/body-budget.ts";

const NOTHING = new Uint8Array();

/**
 * A body announced with at most this size is read in one piece, which is fastest, and its whole size is reserved at
 * once.
 */
const SMALL_BYTES = 16 * 1024;
/** A larger or unannounced body has to deliver this many bytes per period until it is complete: a kilobyte a second. */
const PACE_BYTES = 30_000;
const PACE_MS = 30_000;
/**
 * How much of an unread body the runtime may discard: the sender of a document that is too large receives its response
 * and keeps its connection. Beyond this the response is the connection's last.
 */
const DISCARDED_BYTES_MAX = 8 * 1024 * 1024;

/** The length that a request announces; undefined if it does not (chunked), 0 if it has no body. */
export function announcedLength(request: Request): number | undefined {
  const header = request.headers.get("content-length");
  if (header !== null) return Number(header);
  return request.headers.has("transfer-encoding") ? undefined : 0;
}

export type Reading = {
  readonly announced: number | undefined;
  readonly byteCountMax: number;
  /** Grows with the bytes received. */
  readonly hold: Hold;
  readonly clock: Clock;
  /** Called while a body arrives: then its pace is limited, not the time that its connection has been open. */
  readonly arriving: ((isArriving: boolean) => void) | undefined;
  /** Set by the reader: the rest of a body that is too slow is not awaited. */
  isTooSlow: boolean;
};

/**
 * Reads a body of at most `byteCountMax` bytes. Refuses a larger one as `too_large`, and one that is too slow as
 * `body`.
 */
export async function readBody(request: Request, reading: Reading): Promise<Uint8Array> {
  const { announced, hold } = reading;
  if (announced === 0 || request.body === null) return NOTHING;
  try {
    if (announced === undefined || announced > SMALL_BYTES) return await readParts(request.body, reading);
    hold.grow(announced);
    return await request.bytes();
  } catch (cause) {
    // The client has disconnected: the response cannot arrive, and the server is not at fault.
    const gone = request.signal.aborted || (cause instanceof Error && cause.name === "AbortError");
    throw gone ? invalid("body", "The connection ended before the request did.") : cause;
  }
}

async function readParts(body: ReadableStream<Uint8Array>, reading: Reading): Promise<Uint8Array> {
  const { byteCountMax, hold, clock, arriving } = reading;
  const reader = body.getReader();
  // Cancelling ends a pending read.
  const pace = new Pace(clock, () => void reader.cancel().catch(() => undefined));
  arriving?.(true);
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      reading.isTooSlow = pace.isTooSlow;
      if (reading.isTooSlow) throw invalid("body", "The request body came slower than a kilobyte a second.");
      if (done) break;
      byteCount += value.length;
      if (byteCount > byteCountMax) throw tooLarge(byteCountMax);
      hold.grow(value.length);
      pace.add(value.length);
      parts.push(value);
    }
  } finally {
    pace.end();
    arriving?.(false);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, byteCount);
}

/** Checks that enough bytes arrive in each period. */
class Pace {
  readonly #clock: Clock;
  readonly #onTooSlow: () => void;
  #byteCount = 0;
  #cancel: Cancel;
  isTooSlow = false;

  constructor(clock: Clock, onTooSlow: () => void) {
    this.#clock = clock;
    this.#onTooSlow = onTooSlow;
    this.#cancel = this.#wait();
  }

  add(byteCount: number): void {
    this.#byteCount += byteCount;
    if (this.#byteCount < PACE_BYTES) return;
    this.#byteCount = 0;
    this.#cancel();
    this.#cancel = this.#wait();
  }

  end(): void {
    this.#cancel();
  }

  #wait(): Cancel {
    return this.#clock.at(this.#clock.now() + PACE_MS, () => {
      this.isTooSlow = true;
      this.#onTooSlow();
    });
  }
}

/**
 * The response to a request whose body was not read. Closes the connection if more of the body may follow than is worth
 * discarding.
 */
export function respondWithoutReadingBody(announced: number | undefined, response: Response): Response {
  if (announced === undefined || !(announced <= DISCARDED_BYTES_MAX)) response.headers.set("connection", "close");
  return response;
}

export const tooLarge = (byteCountMax: number) =>
  invalid("too_large", `Request body is larger than ${byteCountMax} bytes.`);
