import type { Deps } from "../deps.ts";
import type { Cancel } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import { type DeviceChange, lastSequence, listDeviceChanges } from "./registry/device-feed-rows.ts";
import { DEVICES_TOPIC } from "./registry/journal.ts";

/** Changes reported per turn of the event loop, since the listener acts on each. */
const SLICE = 100;
/** A wake-up may be lost, and another process sends none. */
const SWEEP_MS = 1000;

/**
 * Reports every change to hubs and devices from `start` on: each once, in the order of the journal, after the command
 * that made it was answered.
 */
export function followDevices(deps: Pick<Deps, "store" | "clock" | "log">, onChange: (change: DeviceChange) => void) {
  const { store, clock, log } = deps;
  let seen = 0;
  let stopped = true;
  let looking = false;
  let listening: Cancel | undefined;
  let timer: Cancel | undefined;

  function look(): void {
    if (looking || stopped) return;
    looking = true;
    // Commands in the same commit are answered first.
    setImmediate(() => {
      looking = false;
      if (stopped) return;
      if (tell() === SLICE) look();
    });
  }

  function tell(): number {
    try {
      const changes = store.read((reader) => listDeviceChanges(reader, seen, SLICE));
      for (const change of changes) {
        seen = change.sequence;
        tellOne(change);
      }
      return changes.length;
    } catch (error) {
      log.error("devices.feed_failed", { error: describeError(error) });
      return 0;
    }
  }

  function tellOne(change: DeviceChange): void {
    try {
      onChange(change);
    } catch (error) {
      log.error("devices.change_failed", { kind: change.kind, hub: change.hubId, error: describeError(error) });
    }
  }

  function sweep(): void {
    look();
    timer = clock.at(clock.now() + SWEEP_MS, sweep);
  }

  return {
    start(): void {
      stopped = false;
      seen = store.read(lastSequence);
      listening = store.onWake(DEVICES_TOPIC, look);
      timer = clock.at(clock.now() + SWEEP_MS, sweep);
    },
    stop(): void {
      stopped = true;
      listening?.();
      timer?.();
    },
  };
}
