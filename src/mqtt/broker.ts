import type { Deps } from "../deps.ts";
import { ActivityLog } from "../hub/admission/activity-log.ts";
import { resetPresence } from "../hub/admission/presence.ts";
import { reviewCertificates } from "../hub/certificates/review-certificates.ts";
import { followDevices } from "../hub/device-feed.ts";
import { loadHub } from "../hub/registry/lookups.ts";
import { sleep } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import type { AcceptDevice } from "../platform/device-socket.ts";
import { Connection } from "./connections/connection.ts";
import type { Context } from "./connections/context.ts";
import { Hubs } from "./connections/hubs.ts";
import { applyChange } from "./connections/live-effects.ts";
import { forgetExpired, loadSessions } from "./connections/load-sessions.ts";
import { MqttMetrics } from "./connections/mqtt-metrics.ts";
import { Presence } from "./connections/presence.ts";
import { HubEvents } from "./events/hub-events.ts";
import { type HubState, SysTopics } from "./events/sys-topics.ts";
import { MemoryBudget } from "./flow/memory-budget.ts";
import { Reading } from "./flow/reading.ts";
import { Turn } from "./flow/turn.ts";
import { connect } from "./handlers/connect.ts";
import { dispatch } from "./handlers/dispatch.ts";
import { onWill, publish, stored } from "./handlers/publishing.ts";
import { leaveSession } from "./handlers/session-life.ts";
import { hubActor, sessionStore } from "./persistence/session-store.ts";
import { findHubUsage } from "./persistence/usage-rows.ts";
import { mqttJobs } from "./store-jobs.ts";
import { CLOSING } from "./wire/closing.ts";
import type { Message } from "./wire/message.ts";

/** Of the memory for MQTT: what is held of connections that have not said whose they are. */
const STRANGERS_PART = 1 / 8;
/** How often we look whether the last answers have gone. */
const LAST_ANSWERS_MS = 10;

/** The MQTT broker: connections in, messages through their hubs. */
export class Broker {
  readonly #context: Context;
  readonly #connections = new Set<Connection>();
  /** What connections that have ended leave to be stored. */
  readonly #leaving = new Set<Promise<unknown>>();
  readonly #devices: ReturnType<typeof followDevices>;
  #stopping = false;

  constructor(deps: Deps) {
    const publishOwn = (hubId: string, message: Message) => this.publishFromServer(hubId, message);
    const turn = new Turn();
    const reading = new Reading(turn);
    const sys: SysTopics = new SysTopics(
      deps,
      reading.slices,
      publishOwn,
      () => hubs.ids(),
      (hubId) => this.stats(hubId),
    );
    const memory = new MemoryBudget(deps.config.mqttMemoryBytes * (1 - STRANGERS_PART));
    const strangers = new MemoryBudget(deps.config.mqttMemoryBytes * STRANGERS_PART);
    const hubs = new Hubs(memory, (hubId) => sys.traffic(hubId));
    this.#context = {
      deps,
      hubs,
      sys,
      protocol: { connect, dispatch, leave: leaveSession },
      metrics: new MqttMetrics(deps.metrics),
      sessions: sessionStore(deps),
      presence: new Presence(deps),
      activity: new ActivityLog(deps),
      events: new HubEvents(deps, publishOwn, (hubId) => this.#hubOf(hubId)),
      turn,
      reading,
      memory,
      strangers,
      willsInWork: new Map(),
      onClosed: (connection) => this.#connections.delete(connection),
      leaving: (stored) => this.#note(stored),
    };
    this.#devices = followDevices(deps, (change) => applyChange(this.#context, change));
    this.#context.metrics.read({
      connectionCount: () => this.#connections.size,
      hubs: () => hubs.all(),
      memory: [memory, strangers],
      traffic: () => sys.total(),
    });
  }

  /** What time asks for: to be handed to the scheduler. */
  jobs(): ReturnType<typeof mqttJobs> {
    return mqttJobs({
      onWill: (will) => onWill(this.#context, will),
      onExpired: (sessionIds) => forgetExpired(this.#context, sessionIds),
    });
  }

  /** Before the first connection: certificates that an older version left are looked at, who was connected when the server last ended is not, and stored sessions wait for their messages. */
  async start(): Promise<void> {
    const { deps, sys } = this.#context;
    await reviewCertificates(deps);
    await resetPresence(deps);
    await loadSessions(this.#context);
    this.#devices.start();
    sys.start();
  }

  readonly accept: AcceptDevice = (socket) => {
    const connection = new Connection(this.#context, socket);
    if (this.#stopping) connection.close(CLOSING.stopping);
    else this.#connections.add(connection);
    return connection;
  };

  /**
   * Answers what has come, and what comes within `graceMs` from those who have not been answered yet; tells everybody to come back later
   * (0x8B); and resolves once all that they leave behind is stored.
   */
  async stop(graceMs = 0): Promise<void> {
    const { clock } = this.#context.deps;
    this.#stopping = true;
    this.#devices.stop();
    this.#context.sys.stop();
    if (graceMs > 0) {
      for (const connection of this.#connections) connection.finish();
      await sleep(clock, graceMs);
      for (const connection of this.#connections) connection.hearNoMore();
      for (const end = clock.now() + graceMs; this.#connections.size > 0 && clock.now() < end; ) {
        await sleep(clock, LAST_ANSWERS_MS);
      }
    }
    for (const connection of this.#connections) connection.close(CLOSING.stopping);
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
    await this.#context.activity.keep();
  }

  /** A message of the server's own: an event, a counter, a will. */
  publishFromServer(hubId: string, message: Message): void {
    const { deps, hubs } = this.#context;
    const hub = hubs.find(hubId);
    if (!hub) return;
    const published = publish(this.#context, { hub, message, by: hubActor(hub.info), from: null, receivedFrom: null });
    stored(published).catch((error) =>
      deps.log.warn("mqtt.not_published", { hub: hubId, error: describeError(error) }),
    );
  }

  stats(hubId: string): HubState {
    const { deps, hubs } = this.#context;
    const hub = hubs.find(hubId);
    return {
      clientsConnected: hub?.holders.size ?? 0,
      subscriptions: hub?.tree.size ?? 0,
      retainedMessages: deps.store.read((reader) => findHubUsage(reader, hubId))?.retained ?? 0,
      eventsDropped: this.#context.events.dropped(hubId),
    };
  }

  #note(stored: Promise<unknown>): void {
    const noted = stored
      .catch((error) => this.#context.deps.log.error("mqtt.not_left", { error: describeError(error) }))
      .finally(() => this.#leaving.delete(noted));
    this.#leaving.add(noted);
  }

  #hubOf(hubId: string) {
    const { hubs, deps } = this.#context;
    return hubs.find(hubId)?.info ?? deps.store.read((reader) => loadHub(reader, hubId));
  }
}
