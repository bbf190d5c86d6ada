import { statfsSync, statSync } from "node:fs";
import { DURATIONS } from "../../metrics/histogram.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { filesIn } from "../sqlite/files.ts";

const GROUP_COMMANDS = {
  name: "twinpost_store_group_commands",
  help: "Commands that were committed together, of groups that wrote something.",
};
const COMMIT_SECONDS = {
  name: "twinpost_store_commit_duration_seconds",
  help: "How long the disk took for the commit of a group.",
};
const CHECKPOINT_SECONDS = {
  name: "twinpost_store_checkpoint_duration_seconds",
  help: "How long writes waited until the write-ahead log was moved into the database; most of it is moved beside them.",
};
const GROUPS_LOST = {
  name: "twinpost_store_groups_lost_total",
  help: "Groups of commands that could not be stored; their callers were told.",
};
const QUEUE_REFUSALS = {
  name: "twinpost_store_queue_refusals_total",
  help: "Commands that were refused because too many waited.",
};

/** Powers of two up to what a group may have. */
const GROUP_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export type WriterMetrics = ReturnType<typeof writerMetrics>;

/** What the writer counts. */
export const writerMetrics = (metrics: Metrics) => ({
  groupCommands: metrics.histogram(GROUP_COMMANDS, GROUP_SIZES),
  commitSeconds: metrics.histogram(COMMIT_SECONDS, DURATIONS),
  checkpointSeconds: metrics.histogram(CHECKPOINT_SECONDS, DURATIONS),
  groupsLost: metrics.counter(GROUPS_LOST),
  queueRefusals: metrics.counter(QUEUE_REFUSALS),
});

type Measured = {
  dataDir: string;
  files: ReturnType<typeof filesIn>;
  writer: { readonly waiting: number; readonly writability: { readonly failed: boolean } };
};

/** What can be looked up: the queue, the files, the room that is left for them. */
export function readStore(metrics: Metrics, { dataDir, files, writer }: Measured): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.read("gauge", { name: `twinpost_store_${name}`, help }, read);
  gauge("queue_commands", "Commands that wait to be written.", () => writer.waiting);
  gauge("writable", "0 while the newest write could not be stored.", () => (writer.writability.failed ? 0 : 1));
  gauge("database_bytes", "Size of the database file.", () => sizeOf(files.database));
  gauge("log_bytes", "Size of the write-ahead log beside it.", () => sizeOf(`${files.database}-wal`));
  gauge("disk_free_bytes", "Room that is left on the file system of the data directory.", () => {
    const { bavail, bsize } = statfsSync(dataDir);
    return bavail * bsize;
  });
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
