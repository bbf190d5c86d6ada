import { invalid } from "../../kernel/failure.ts";

/** Cursors of this room are positions, which are no secret; clients have to treat them as opaque all the same. */
export const cursorAt = (position: number) => Buffer.from(String(position)).toString("base64");

export function positionOf(cursor: string): number {
  const text = Buffer.from(cursor, "base64").toString();
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalid("parameter", "The cursor is not one that this list answered.", [
    { path: "cursor", message: "unknown" },
  ]);
}
