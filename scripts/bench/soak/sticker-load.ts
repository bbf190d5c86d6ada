import { preciseNow, type startReceivers } from "../../../test/support/notifications/webhook-receivers.ts";
import type { Account } from "../../../test/support/process/server-process.ts";
import type { Caller } from "./caller.ts";
import { pace, type Recorder } from "./recorder.ts";

const PUTS_PER_SECOND = 20;
const LIFE_MS = 4000;
/** Every other sticker is removed before its end; the others expire. */
const REMOVED_AFTER_MS = 1000;
/** One in five hundred messages is refused once, and retried after 5 s; those of the same twin wait for it. */
const ARRIVAL_MAX_MS = 90_000;

type Receivers = Awaited<ReturnType<typeof startReceivers>>;

/** The topics, received by one receiver that responds 500 now and then. */
export const OCCASIONS = { on_put: "put", on_remove: "removed", on_expire: "expired" };

/** Puts stickers with messages for put, removal and expiry, and keeps count of them. */
export function startStickers(caller: Caller, { user }: Account, twins: readonly string[], recorder: Recorder) {
  const expected = new Map<string, number>();
  let number = 0;
  const call = async (kind: string, due: number, method: string, path: string, status: number, body?: object) => {
    await caller.call(method, path, status, body && JSON.stringify(body));
    recorder.add(kind, performance.now() - due);
  };
  const stop = pace(
    PUTS_PER_SECOND,
    async (due) => {
      const [n, color] = [number, `c${number++}`];
      const path = `/twins/${twins[n % twins.length]}/stickers`;
      const sticker = { recipients: [user], validity_ts: (Date.now() + LIFE_MS) / 1000, publish: OCCASIONS };
      expected.set(`sticker.put ${color}`, preciseNow());
      await call("put_sticker", due, "POST", path, 201, { stickers: { [color]: sticker } });
      if (n % 2 === 0) return void expected.set(`sticker.expired ${color}`, Number.NaN);
      await Bun.sleep(REMOVED_AFTER_MS);
      expected.set(`sticker.removed ${color}`, preciseNow());
      await call("remove_sticker", performance.now(), "DELETE", `${path}/${color}`, 200);
    },
    recorder,
  );
  return { stop, expected };
}

/**
 * Resolves when all expected messages have arrived, with their number and latencies; rejects if one is missing after a
 * long time.
 */
export async function awaitArrivals(receivers: Receivers, expected: ReadonlyMap<string, number>) {
  for (const deadline = performance.now() + ARRIVAL_MAX_MS; ; await Bun.sleep(1000)) {
    const arrivals = await receivers.arrivals();
    const arrived = new Set(arrivals.map(({ trigger, color }) => `${trigger} ${color}`));
    const missing = [...expected.keys()].filter((message) => !arrived.has(message));
    if (missing.length === 0) return arrivals;
    if (performance.now() > deadline) throw new Error(`${missing.length} webhooks are lost: ${missing.slice(0, 5)}`);
  }
}
