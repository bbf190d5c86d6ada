import { DeviceDoor } from "../../../src/platform/device-door.ts";
import { listenTls } from "../../../src/platform/tls.ts";
import { expectConsistent } from "../store/breakages.ts";
import { keyOf, type Made, make } from "../world/device-certificates.ts";
import type { World } from "../world/world.ts";
import { MqttWire } from "./mqtt-wire.ts";
import { quiet } from "./served-broker.ts";

/** A broker on a world's store that devices connect to by TLS, with certificates of their own. */
export async function serveMutualTls(world: World) {
  const own = await make({ name: "localhost" });
  const faults: unknown[] = [];
  const { broker } = await world.server.openBroker();
  const door = new DeviceDoor(broker.accept, {
    connectionsMax: world.deps.config.mqttConnectionsMax,
    onRefused: () => {},
    onFault: (error) => faults.push(error),
  });
  const tls = { certPem: own.pem, keyPem: await keyOf(own) };
  const listener = await listenTls({ host: "127.0.0.1", port: 0 }, door, { tls, handshakeTimeoutMs: 5_000 });
  const wires: MqttWire[] = [];

  /** A connection with this certificate and those of its authorities, and its CONNACK. */
  async function connect([leaf, ...authorities]: [Made, ...Made[]], clientId: string) {
    const cert = [leaf, ...authorities].map(({ pem }) => pem).join("");
    const certificate = { cert, key: await keyOf(leaf) };
    const wire = await MqttWire.open({ transport: "tls", port: listener.port, certificate }, 5);
    wires.push(wire);
    const connack = await wire.connect({ clientId });
    return Object.assign(wire, { code: connack["reasonCode"] as number });
  }

  return {
    connect,
    quiet: () => quiet(world),
    async [Symbol.asyncDispose]() {
      for (const wire of wires) if (wire.isOpen) wire.abort();
      listener.stop();
      await broker.stop();
      await door.close(1000);
      if (faults.length > 0) throw faults[0];
      expectConsistent(world.dataDir);
    },
  };
}
