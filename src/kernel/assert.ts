/**
 * An impossible state is our bug, never the caller's: it is thrown, logged in full and answered as an internal error.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
