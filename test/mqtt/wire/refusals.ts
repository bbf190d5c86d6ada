import { expect, test } from "bun:test";
import { decode } from "../../../src/mqtt/wire/codec.ts";
import { type Level, ProtocolError } from "../../../src/mqtt/wire/packets.ts";

type Refused = [sentence: string, frame: Uint8Array, reasonCode: number, clause: string];

/** One test for each: a packet, and the reason code and clause of its refusal at these levels. */
export function refusedAt(levels: (Level | null)[], table: Refused[]): void {
  for (const [sentence, frame, reasonCode, clause] of table) {
    const where = levels[0] === null ? "" : `level ${levels.join(", ")}: `;
    test(`${where}${sentence} [${clause}]`, () => {
      for (const level of levels) expect(refusalOf(frame, level)).toMatchObject({ reasonCode, clause });
    });
  }
}

function refusalOf(frame: Uint8Array, level: Level | null): ProtocolError {
  try {
    decode(frame, level);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error("was let through");
}
