import { HTTP_ROWS } from "../http/http-rows.ts";
import type { HttpRowName } from "../setup/options.ts";
import type { Caller } from "./caller.ts";
import { pace, type Recorder, type Stop } from "./recorder.ts";

/** Requests per second of each row of the bench. */
const PACES: Partial<Record<HttpRowName, number>> = {
  get_twin_ledger_entry: 100,
  update_twin_ledger_entry_value: 60,
  get_document: 60,
  put_document: 40,
  patch_document: 20,
  scan_twins: 5,
  scan_twins_match_twin: 1,
};

/** Reads, writes and scans of random twins. */
export function startRest(caller: Caller, twins: readonly string[], recorder: Recorder): Stop {
  const stops = HTTP_ROWS.flatMap(({ name, request }) => {
    const perSecond = PACES[name];
    if (!perSecond) return [];
    const act = async (due: number) => {
      const twin = twins[Math.floor(Math.random() * twins.length)] as string;
      const path = request.path.replace("{uuid}", twin).replace("{cursor}", Buffer.from(twin).toString("base64"));
      const digits = String(Math.floor(Math.random() * 1e8)).padStart(8, "0");
      await caller.call(request.method, path, 200, request.body?.replace("{digits}", digits));
      recorder.add(name, performance.now() - due);
    };
    return [pace(perSecond, act, recorder)];
  });
  return async () => void (await Promise.all(stops.map((stop) => stop())));
}
