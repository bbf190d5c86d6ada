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
  help: "How long writes waited for a checkpoint of the write-ahead log; most of it runs in parallel with them.",
};
const GROUPS_LOST = {
  name: "twinpost_store_groups_lost_total",
  help: "Groups of commands that could not be stored; their callers received an error.",
};
const QUEUE_REFUSALS = {
  name: "twinpost_store_queue_refusals_total",
  help: "Commands that were refused because too many waited.",
};

/** Powers of two up to the largest group. */
const GROUP_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export type WriterMetrics = ReturnType<typeof writerMetrics>;

/** Metrics that the writer counts. */
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

/** Metrics read on request: the queue, the files, the free disk space. */
export function registerStoreGauges(metrics: Metrics, { dataDir, files, writer }: Measured): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.read("gauge", { name: `twinpost_store_${name}`, help }, read);
  gauge("queue_commands", "Commands waiting to be written.", () => writer.waiting);
  gauge("writable", "0 while the newest write could not be stored.", () => (writer.writability.failed ? 0 : 1));
  gauge("database_bytes", "Size of the database file.", () => sizeOf(files.database));
  gauge("log_bytes", "Size of the write-ahead log.", () => sizeOf(`${files.database}-wal`));
  gauge("disk_free_bytes", "Free space on the file system of the data directory.", () => {
    const { bavail, bsize } = statfsSync(dataDir);
    return bavail * bsize;
  });
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
