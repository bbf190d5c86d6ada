import type { Deps } from "../../deps.ts";
import type { AdmissionBasis, Eviction } from "../../hub/admission/admission-basis.ts";
import { type DeviceConnection, deviceConnected, deviceDisconnected } from "../../hub/admission/presence.ts";
import { countMessage } from "../../hub/metrics/count-messages.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import type { Connection } from "./connection.ts";
import { retryUntilStored } from "./retry-until-stored.ts";

/** Which devices are connected, in memory and as seen over REST. */
export class Presence {
  readonly #deps: Deps;
  readonly #connections = new Map<string, Map<Connection, DeviceConnection>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  of(deviceId: string): Iterable<Connection> {
    return this.#connections.get(deviceId)?.keys() ?? [];
  }

  /**
   * Stores that a connection of this device is about to open. Resolves when it is stored, with the reason why the
   * device may not connect, if there is one by then.
   */
  arrived(
    connection: Connection,
    actor: DeviceActor,
    standing: AdmissionBasis,
    told: DeviceConnection,
  ): Promise<Eviction | null> {
    const { deviceId } = actor;
    const connections = this.#connections.get(deviceId) ?? new Map<Connection, DeviceConnection>();
    this.#connections.set(deviceId, connections.set(connection, told));
    return this.#deps.store.write(deviceConnected, actor, { deviceId, standing, connection: told });
  }

  /** Stores that a connection which `arrived` has ended. */
  async left(actor: DeviceActor, connection: Connection, reason: string): Promise<unknown> {
    const { deviceId } = actor;
    const connections = this.#connections.get(deviceId);
    const told = connections?.get(connection);
    if (!connections || !told) return null;
    connections.delete(connection);
    if (connections.size === 0) this.#connections.delete(deviceId);
    return retryUntilStored(this.#deps, "mqtt.presence_not_kept", () => {
      const connectionsLeft = this.#connections.get(deviceId)?.size ?? 0;
      return this.#deps.store.write(deviceDisconnected, actor, {
        deviceId,
        connection: told,
        reason,
        connectionsLeft,
      });
    });
  }

  /** Counts packets of a device's connection, in either direction. */
  count(deviceId: string, packets: number): void {
    if (packets > 0) countMessage(this.#deps, deviceId, packets);
  }
}
