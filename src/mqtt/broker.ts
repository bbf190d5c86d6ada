import type { Deps } from "../deps.ts";
import { ActivityBuffer } from "../hub/admission/activity-buffer.ts";
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
import { forgetExpiredSessions, loadSessions } from "./connections/load-sessions.ts";
import { MqttMetrics } from "./connections/mqtt-metrics.ts";
import { Presence } from "./connections/presence.ts";
import { HubEvents } from "./events/hub-events.ts";
import { type HubState, SysTopics } from "./events/sys-topics.ts";
import { FlushQueue } from "./flow/flush-queue.ts";
import { MemoryBudget } from "./flow/memory-budget.ts";
import { ReadScheduler } from "./flow/read-scheduler.ts";
import { connect } from "./handlers/connect.ts";
import { dispatch } from "./handlers/dispatch.ts";
import { onWill, publish, stored } from "./handlers/publishing.ts";
import { leaveSession } from "./handlers/session-life.ts";
import { hubActor, sessionStore } from "./persistence/session-store.ts";
import { findHubUsage } from "./persistence/usage-rows.ts";
import { mqttJobs } from "./store-jobs.ts";
import { CLOSING } from "./wire/closing.ts";
import type { Message } from "./wire/message.ts";

/** Part of the memory for MQTT that unauthenticated connections share. */
const STRANGERS_PART = 1 / 8;
/** Interval at which `stop` checks whether the last answers are sent. */
const LAST_ANSWERS_MS = 10;

/** The MQTT broker: accepts connections and routes messages within their hubs. */
export class Broker {
  readonly #context: Context;
  readonly #connections = new Set<Connection>();
  /** Writes of ended connections that are not stored yet. */
  readonly #pendingWrites = new Set<Promise<unknown>>();
  readonly #devices: ReturnType<typeof followDevices>;
  #stopping = false;

  constructor(deps: Deps) {
    const publishOwn = (hubId: string, message: Message) => this.publishFromServer(hubId, message);
    const turn = new FlushQueue();
    const reading = new ReadScheduler(turn);
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
      activity: new ActivityBuffer(deps),
      events: new HubEvents(deps, publishOwn, (hubId) => this.#hubOf(hubId)),
      turn,
      reading,
      memory,
      strangers,
      willsInWork: new Map(),
      onClosed: (connection) => this.#connections.delete(connection),
      leaving: (stored) => this.#trackWrite(stored),
    };
    this.#devices = followDevices(deps, (change) => applyChange(this.#context, change));
    this.#context.metrics.read({
      connectionCount: () => this.#connections.size,
      hubs: () => hubs.all(),
      memory: [memory, strangers],
      traffic: () => sys.total(),
    });
  }

  /** The jobs of the broker, for the scheduler. */
  jobs(): ReturnType<typeof mqttJobs> {
    return mqttJobs({
      onWill: (will) => onWill(this.#context, will),
      onExpired: (sessionIds) => forgetExpiredSessions(this.#context, sessionIds),
    });
  }

  /**
   * Runs before the first connection: reviews certificates that an older version left, resets the presence of devices
   * that were connected when the server ended, and loads stored sessions so that they receive messages.
   */
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
   * Answers what has arrived, and for `graceMs` goes on reading clients that have unanswered requests; disconnects all
   * others with 0x8B (server shutting down). Resolves when everything that the connections leave behind is stored.
   */
  async stop(graceMs = 0): Promise<void> {
    const { clock } = this.#context.deps;
    this.#stopping = true;
    this.#devices.stop();
    this.#context.sys.stop();
    if (graceMs > 0) {
      for (const connection of this.#connections) connection.finish();
      await sleep(clock, graceMs);
      for (const connection of this.#connections) connection.stopReading();
      for (const end = clock.now() + graceMs; this.#connections.size > 0 && clock.now() < end; ) {
        await sleep(clock, LAST_ANSWERS_MS);
      }
    }
    for (const connection of this.#connections) connection.close(CLOSING.stopping);
    while (this.#pendingWrites.size > 0) await Promise.all(this.#pendingWrites);
    await this.#context.activity.keep();
  }

  /** Publishes a message of the server itself: an event, a counter, a will. */
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

  #trackWrite(stored: Promise<unknown>): void {
    const noted = stored
      .catch((error) => this.#context.deps.log.error("mqtt.not_left", { error: describeError(error) }))
      .finally(() => this.#pendingWrites.delete(noted));
    this.#pendingWrites.add(noted);
  }

  #hubOf(hubId: string) {
    const { hubs, deps } = this.#context;
    return hubs.find(hubId)?.info ?? deps.store.read((reader) => loadHub(reader, hubId));
  }
}
