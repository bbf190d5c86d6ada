import { expect, test } from "bun:test";
import { startMosquitto } from "../../support/mqtt/mosquitto.ts";
import { seedDevices } from "../../support/mqtt/mqtt-seed.ts";
import {
  type Fields,
  type Level,
  MqttWire,
  type Seen,
  type WireAddress,
  WireEnded,
} from "../../support/mqtt/mqtt-wire.ts";
import { pass, serveBroker } from "../../support/mqtt/served-broker.ts";
import { expectConsistent } from "../../support/store/breakages.ts";
import { openWorld } from "../../support/world/world.ts";

// The clause tests are plain MQTT, so they are first run against a broker that is known to be right:
// `TWINPOST_MQTT_TARGET=mosquitto bun test test/mqtt/conformance/`. Where mosquitto 2.0 decides otherwise, or leaves
// open what the standards let it, the test is marked `ours`.

const REFERENCE = process.env["TWINPOST_MQTT_TARGET"] === "mosquitto";
const TRANSPORT = (process.env["TWINPOST_MQTT_TRANSPORT"] ?? "tcp") as WireAddress["transport"];

export const ALL: readonly Level[] = [3, 4, 5];
export const OLD: readonly Level[] = [3, 4];
export const FIVE: readonly Level[] = [5];
const STANDARD = { 3: "MQTT 3.1", 4: "MQTT 3.1.1", 5: "MQTT 5" };

/** A broker under test: its address, its clients' credentials, and its clock. */
type Target = AsyncDisposable & {
  addresses: Partial<Record<WireAddress["transport"], WireAddress>>;
  /** CONNECT fields that identify this client. */
  identity(clientId: string): Fields;
  pass(ms: number): Promise<void>;
};

async function openReference(): Promise<Target> {
  const broker = await startMosquitto(["max_queued_messages 100000", "max_inflight_messages 65535"]);
  return {
    addresses: {
      tcp: { transport: "tcp", port: broker.tcp },
      websocket: { transport: "websocket", port: broker.websocket },
    },
    identity: (clientId) => ({ clientId }),
    pass: (ms) => Bun.sleep(ms), // the reference has only real time
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

type OpenOptions = { level?: Level } & Partial<Omit<WireAddress, "port" | "host">>;

export class Broker {
  readonly isReference = REFERENCE;
  readonly level: Level;
  readonly #target: Target;
  readonly #wires: MqttWire[] = [];

  constructor(target: Target, level: Level) {
    this.#target = target;
    this.level = level;
  }

  /** A connection of a transport on which nothing was sent. */
  async open({ level = this.level, transport = TRANSPORT, ...rest }: OpenOptions = {}): Promise<MqttWire> {
    const address = this.#target.addresses[transport];
    if (!address) throw new Error(`no ${transport} here`);
    const wire = await MqttWire.open({ ...address, ...rest }, level);
    this.#wires.push(wire);
    return wire;
  }

  /** A CONNECT by this client, with these fields in addition to the usual ones. */
  connectAs(clientId: string, fields: Fields = {}): Fields {
    return { cmd: "connect", ...this.#target.identity(clientId), ...fields };
  }

  /** A connected client, and its CONNACK. */
  async client(clientId: string, fields: Fields = {}, options: OpenOptions = {}): Promise<Client> {
    const wire = (await this.open(options)) as Client;
    wire.connack = await wire.connect(this.connectAs(clientId, fields));
    const code = wire.connack["returnCode"] ?? wire.connack["reasonCode"];
    if (code !== 0) throw new Error(`CONNACK ${code}`);
    return wire;
  }

  /** A client with a session that outlives its connection. */
  async lasting(clientId: string, fields: Fields = {}): Promise<Client> {
    return this.client(clientId, this.lastingFields(fields));
  }

  lastingFields({ properties, ...fields }: Fields = {}): Fields {
    if (this.level < 5) return { clean: false, ...fields };
    return { clean: false, ...fields, properties: { sessionExpiryInterval: 3_600, ...properties } };
  }

  /** The session was present [MQTT-3.2.2-3]; MQTT 3.1 cannot say it. */
  expectResumed({ connack }: Client, present = true): void {
    if (this.level > 3) expect(connack["sessionPresent"]).toBe(present);
  }

  /** The connection ends; with this reason code, if the broker is ours: the reference is not checked for it. */
  async refuses(wire: MqttWire, reasonCode: number): Promise<void> {
    await wire.expectClosed(REFERENCE || this.level < 5 ? undefined : reasonCode);
  }

  /** CONNECT is refused: by closing, or with a CONNACK of one of these codes; then nothing more is sent. */
  async refusesConnect(wire: MqttWire, ...codes: number[]): Promise<void> {
    try {
      const { cmd, sessionPresent, ...connack } = await wire.next();
      expect([cmd, sessionPresent]).toEqual(["connack", false]); // [MQTT-3.2.2-6]
      expect(codes).toContain(connack["reasonCode"] ?? connack["returnCode"]);
    } catch (error) {
      if (!(error instanceof WireEnded)) throw error;
    }
    expect(await wire.expectClosed()).toBeUndefined(); // [MQTT-3.2.2-7], [MQTT-3.14.0-1]
  }

  /** Lets time pass: at once, if the clock is ours. */
  pass(ms: number): Promise<void> {
    return this.#target.pass(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.#wires) if (wire.isOpen) wire.abort();
    await this.#target[Symbol.asyncDispose]();
  }
}

export type Client = MqttWire & { connack: Seen };

type Run = (broker: Broker, level: Level) => Promise<void>;

/** One test for each level, each on a broker of its own. */
export function onLevels(levels: readonly Level[], name: string, run: Run): void {
  for (const level of levels) {
    test(`${STANDARD[level]}: ${name}`, async () => {
      await using broker = new Broker(await openTarget(), level);
      await run(broker, level);
    });
  }
}

/** As `onLevels`, for tests in which the reference decides otherwise. */
export function ours(levels: readonly Level[], name: string, run: Run): void {
  if (!REFERENCE) onLevels(levels, name, run);
}

function openTarget(): Promise<Target> {
  return REFERENCE ? openReference() : openOurs();
}

const LONG_MS = 300_000;

/**
 * One device that any client may be if it knows the id, and that may connect many times: each client identifier is a
 * client.
 */
async function openOurs(): Promise<Target> {
  const world = await openWorld();
  const { deviceIds } = seedDevices(world.dataDir, 1);
  const served = await serveBroker(world);
  return {
    addresses: served.addresses,
    identity: (clientId) => ({ clientId, username: deviceIds[0] }),
    async pass(ms) {
      // Jumps over long times; otherwise every timer within them would fire.
      if (ms > LONG_MS) world.clock.set(world.clock.now() + ms - 1);
      await pass(world, served.scheduler, ms > LONG_MS ? 1 : ms);
    },
    async [Symbol.asyncDispose]() {
      try {
        await served.stop();
        expectConsistent(world.dataDir);
      } finally {
        await world[Symbol.asyncDispose]();
      }
    },
  };
}
