import { JOB_SLICE, type Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import {
  dropEndedQueues,
  dropExpiredMessages,
  dropRetainedOfDeletedHubs,
  dropWill,
  expireSessions,
} from "./persistence/clear-away.ts";
import { QUEUES_TOPIC } from "./persistence/queue-rows.ts";
import { nextSessionExpiry, SESSIONS_TOPIC } from "./persistence/session-rows.ts";
import type { WillDue } from "./persistence/will.ts";
import { hasWill, listDueWills, nextWill, WILLS_TOPIC } from "./persistence/will-rows.ts";

/** Fewer, because wills can be as large as messages. */
const WILLS_SLICE = 10;

type Callbacks = {
  /** Publishes a will, with `publishMessage` and its number. If this rejects, the job retries it. */
  onWill: (will: WillDue) => Promise<void>;
  /** Called with the sessions that expired. */
  onExpired?: (sessionIds: number[]) => void;
};

/** The scheduler's jobs for MQTT, and the callbacks that they call. */
export const mqttJobs = ({ onWill, onExpired }: Callbacks): readonly Job[] => [
  {
    name: "expire_sessions",
    schedule: "2-59/10 * * * *",
    wokenBy: SESSIONS_TOPIC,
    dueAt: nextSessionExpiry,
    run: async ({ store }) => {
      const expired = await store.write(expireSessions, SYSTEM, { limit: JOB_SLICE });
      if (expired.length > 0) onExpired?.(expired);
      return { done: expired.length, more: expired.length === JOB_SLICE };
    },
  },
  {
    // The broker publishes a will that is due at once; if that fails, the next tick does.
    name: "publish_wills",
    schedule: "* * * * *",
    wokenBy: WILLS_TOPIC,
    dueAt: nextWill,
    run: async ({ store }) => {
      const due = store.read((reader) => listDueWills(reader, WILLS_SLICE));
      for (const will of due) {
        await onWill(will);
        if (store.read((reader) => hasWill(reader, will.will))) await store.write(dropWill, SYSTEM, will);
      }
      return { done: due.length, more: due.length === WILLS_SLICE };
    },
  },
  {
    name: "drop_ended_queues",
    schedule: "8-59/10 * * * *",
    wokenBy: QUEUES_TOPIC,
    run: ({ store }) => store.write(dropEndedQueues, SYSTEM, { limit: JOB_SLICE }),
  },
  {
    name: "drop_ended_hubs",
    schedule: "9-59/10 * * * *",
    run: ({ store }) => store.write(dropRetainedOfDeletedHubs, SYSTEM, { limit: JOB_SLICE }),
  },
  {
    name: "drop_expired_messages",
    schedule: "* * * * *",
    run: ({ store }) => store.write(dropExpiredMessages, SYSTEM, { limit: JOB_SLICE }),
  },
];
