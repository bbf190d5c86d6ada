import { expectConsistent } from "../store/breakages.ts";
import { openHub } from "../world/hub.ts";
import type { Json } from "../world/world.ts";
import { type Level, MqttWire } from "./mqtt-wire.ts";
import { pass, quiet, serveBroker } from "./served-broker.ts";

/** A world with a hub, and a broker that devices connect to by TCP. */
export async function openMqtt(settings: Record<string, string> = {}) {
  const hub = await openHub(settings);
  const { world } = hub;
  let served = await serveBroker(world);
  const wires: MqttWire[] = [];

  /** A device that any client may be if it knows the id. */
  const device = async (name: string, rest: object = {}): Promise<Json> =>
    (await hub.createDevice(name, { allow_insecure: true, ...rest })).device;

  /** A connection of a transport on which nothing was sent. */
  async function open(level: Level = 4): Promise<MqttWire> {
    const wire = await MqttWire.open(served.addresses.tcp, level);
    wires.push(wire);
    return wire;
  }

  /** A connection of the device, with its CONNACK. */
  async function client(id: string, level: Level = 4, fields: object = {}) {
    const wire = await open(level);
    const connack = await wire.connect({ clientId: id, ...fields });
    const code = connack["returnCode"] ?? connack["reasonCode"];
    if (code !== 0) throw new Error(`CONNACK ${code}`);
    return Object.assign(wire, { connack });
  }

  return {
    ...hub,
    device,
    open,
    client,
    quiet: () => quiet(world),
    get address() {
      return served.addresses.tcp;
    },
    get broker() {
      return served.broker;
    },
    /** Lets time pass, and does everything that falls due. */
    pass: (ms: number) => pass(world, served.scheduler, ms),
    /** Stops the broker in good order and starts another on the same store. */
    async restart(): Promise<void> {
      await served.stop();
      served = await serveBroker(world);
    },
    async [Symbol.asyncDispose]() {
      for (const wire of wires) if (wire.isOpen) wire.abort();
      try {
        await served.stop();
        expectConsistent(world.dataDir);
      } finally {
        await hub[Symbol.asyncDispose]();
      }
    },
  };
}
