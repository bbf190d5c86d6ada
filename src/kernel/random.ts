import { randomBytes, randomInt, randomUUID } from "node:crypto";

/** The source of randomness, passed in. All of it is cryptographically strong. */
export type Random = {
  /** A version 4 UUID. */
  uuid(): string;
  bytes(count: number): Uint8Array<ArrayBuffer>;
  /** An integer, at least 0 and below `bound`. */
  below(bound: number): number;
};

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  bytes: (count) => new Uint8Array(randomBytes(count)),
  below: (bound) => randomInt(bound),
};
