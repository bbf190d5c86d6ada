import { expect, test } from "bun:test";
import fc from "fast-check";
import { addressesOf, createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { say } from "../server/attacked-server.ts";
import { LeakClient } from "./leak-client.ts";
import { HubModel, isShared, type Member } from "./leak-model.ts";

const HUBS = 20;
const DEVICES = 20;
const RUNS = Number(process.env["TWINPOST_LEAK_RUNS"] || 8);
const ACTIONS = 160;

// The same in every hub.
const CLIENT_IDS = ["a", "b"];
const TOPICS = ["t/1", "t/2", "t/1/x", "secret/1", "w/1", "t"];
const FILTERS = [
  "t/#",
  "t/+",
  "t/1",
  "#",
  "+/1",
  "secret/#",
  "$share/g/t/#",
  "$share/g/t/1",
  "$share/h/t/+",
  "$share/h/#",
  "w/#",
];
const SECRET_FILTERS = { policy: "reject", topics: ["secret/#"] };

const anyAction = fc.record({
  kind: fc.constantFrom(
    "publish",
    "publish",
    "publish",
    "publish",
    "subscribe",
    "subscribe",
    "unsubscribe",
    "connect",
    "connect",
    "disconnect",
    "abort",
  ),
  device: fc.nat(DEVICES - 1),
  clientId: fc.nat(CLIENT_IDS.length - 1),
  topic: fc.nat(TOPICS.length - 1),
  filter: fc.nat(FILTERS.length - 1),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  empty: fc.nat(5).map((n) => n === 0),
  lasting: fc.boolean(),
  clean: fc.nat(3).map((n) => n === 0),
  level: fc.constantFrom<Level>(3, 4, 5),
  noLocal: fc.boolean(),
  web: fc.nat(3).map((n) => n === 0),
  will: fc.boolean(),
});
type Action = typeof anyAction extends fc.Arbitrary<infer T> ? T : never;
const anyTraffic = fc.array(fc.array(anyAction, { minLength: ACTIONS / 2, maxLength: ACTIONS, size: "max" }), {
  minLength: HUBS,
  maxLength: HUBS,
});

type Place = { addresses: ReturnType<typeof addressesOf>; hub: string; devices: string[] };
type Client = {
  member: Member;
  client: LeakClient;
  device: string;
  level: Level;
  will: { topic: string; payload: string; qos: 0 | 1 | 2 } | null;
};

/** One hub's part of a run: its actions, one after the other, each awaited; the other hubs act meanwhile. */
class HubRun {
  readonly #place: Place;
  readonly #name: string;
  readonly #model = new HubModel();
  readonly #clients: Client[] = [];
  /** Receives every will, so that the test can wait for it. */
  readonly #willSubscriber: LeakClient;
  #count = 0;
  messages = 0;

  constructor(place: Place, name: string) {
    this.#place = place;
    this.#name = name;
    this.#willSubscriber = new LeakClient(name);
    for (let device = 0; device < DEVICES; device++) {
      for (const clientId of CLIENT_IDS) {
        const member: Member = {
          name: `${name} device ${device} ${clientId}`,
          restricted: device % 4 === 0,
          connected: false,
          lasting: false,
          subscriptions: new Map(),
          owed: new Map(),
          waiting: new Map(),
          open: new Map(),
        };
        this.#model.members.push(member);
        const client = new LeakClient(name);
        this.#clients.push({ member, client, device: place.devices[device] as string, level: 4, will: null });
      }
    }
  }

  /** Every device connects once, and subscribes to something. */
  async begin(): Promise<void> {
    await this.#willSubscriber.connect(this.#place.addresses.tcp, 4, this.#willSubscriberFields(false));
    await this.#willSubscriber.ask({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "w/#", qos: 1 }] });
    for (let device = 0; device < DEVICES; device++) {
      const base = { ...PLAIN, device, level: ([3, 4, 5] as const)[device % 3] as Level, lasting: device % 2 === 0 };
      await this.act({ ...base, kind: "connect", clean: true, web: device % 5 === 0, will: device % 3 === 0 });
      const filter = (device * 3) % FILTERS.length;
      await this.act({ ...base, kind: "subscribe", filter, qos: (device % 3) as 0 | 1 | 2 });
    }
  }

  async act(action: Action): Promise<void> {
    const one = this.#clients[action.device * CLIENT_IDS.length + action.clientId] as Client;
    if (action.kind === "connect") await this.#connect(one, action);
    else if (action.kind === "publish") await this.#publish(this.#connectedFrom(one), action);
    else if (!one.member.connected) return;
    else if (action.kind === "subscribe") await this.#subscribe(one, action);
    else if (action.kind === "unsubscribe") await this.#unsubscribe(one, action);
    else await this.#leave(one, action.kind);
  }

  /** It, or the next connected one. */
  #connectedFrom(one: Client): Client {
    const at = this.#clients.indexOf(one);
    const rotated = [...this.#clients.slice(at), ...this.#clients.slice(0, at)];
    return rotated.find(({ member }) => member.connected) ?? one;
  }

  async end(): Promise<string[]> {
    // Disconnected clients must not have received too much or too little: all with a session return.
    for (const one of this.#clients) {
      if (!one.member.connected && one.member.lasting)
        await this.#connect(one, { ...PLAIN, kind: "connect", level: one.level, lasting: true });
    }
    const clients = new Map(this.#clients.map(({ member, client }) => [member, client]));
    const judge = () => this.#model.judge((member) => clients.get(member)?.received ?? new Map());
    let wrong: string[] = [];
    // The messages queued in a session arrive in portions.
    for (let i = 0; i < 40; i++) {
      await this.#drainAll();
      wrong = judge();
      if (wrong.length === 0) break;
      await Bun.sleep(25);
    }
    await this.#drainAll();
    wrong.push(...judge(), ...this.#clients.flatMap(({ client }) => client.wrong));
    await this.#leaveNothing();
    return [...new Set(wrong)];
  }

  async #drainAll(): Promise<void> {
    await Promise.all(this.#clients.filter(({ member }) => member.connected).map(({ client }) => client.drain()));
  }

  async #connect(one: Client, { level, lasting, clean, web, will, qos }: Action): Promise<void> {
    const { member, client } = one;
    const before = { connected: member.connected, lasting: member.lasting, will: one.will };
    const { ended } = client;
    if (before.connected) await this.#catchUp(one);
    const clientId = member.name.at(-1);
    one.level = level;
    one.will = will && !member.restricted ? { topic: "w/1", payload: this.#payload(), qos } : null;
    const fields = {
      clientId,
      username: one.device,
      clean: clean || !(lasting || before.lasting),
      ...(level === 5 && { clean, ...(lasting && { properties: { sessionExpiryInterval: 3_600 } }) }),
      ...(one.will && { will: { ...one.will, payload: Buffer.from(one.will.payload), retain: false } }),
    };
    // Below level 5 the same flag stores a session and resumes one.
    const keeps = level === 5 ? lasting : !fields.clean;
    const starts = fields.clean || !before.lasting;
    if (starts) this.#model.forget(member);
    else this.#model.resume(member);
    if (before.will && before.connected) this.#model.publish({ ...before.will, retain: false }, null, member);
    member.lasting = keeps;
    member.connected = true;
    const present = await client.connect(this.#place.addresses[web ? "websocket" : "tcp"], level, fields);
    if (level > 3 && present !== !starts) throw new Error(`${member.name}: session present ${present}`);
    if (before.connected) await ended;
    if (before.will && before.connected) await this.#untilHeard(before.will.payload);
  }

  async #publish({ member, client }: Client, { topic, qos, retain, empty }: Action): Promise<void> {
    const message = { topic: TOPICS[topic] as string, payload: retain && empty ? "" : this.#payload(), qos, retain };
    // A retained message must be stored when this returns.
    if (retain && qos === 0) message.qos = 1;
    this.#model.publish(message, member);
    this.messages++;
    if (message.qos === 0) {
      client.say({ cmd: "publish", ...message });
      return client.drain();
    }
    const answer = await client.ask({ cmd: "publish", ...message, messageId: 7 });
    if (message.qos === 2 && !(answer["reasonCode"] >= 0x80)) await client.ask({ cmd: "pubrel", messageId: 7 });
  }

  async #subscribe({ member, client, level }: Client, { filter: index, qos, noLocal }: Action): Promise<void> {
    const filter = FILTERS[index] as string;
    const nl = level === 5 && noLocal && !isShared(filter) && !filter.startsWith("w/");
    const refused = member.restricted && filter === "secret/#";
    if (!refused) this.#model.subscribe(member, filter, { qos, noLocal: nl });
    const { granted } = await client.ask({
      cmd: "subscribe",
      messageId: 8,
      subscriptions: [{ topic: filter, qos, nl }],
    });
    expect(granted).toEqual([refused ? (level === 5 ? 0x87 : 0x80) : qos]);
  }

  async #unsubscribe({ member, client }: Client, { filter }: Action): Promise<void> {
    await client.ask({ cmd: "unsubscribe", messageId: 9, unsubscriptions: [FILTERS[filter]] });
    member.subscriptions.delete(FILTERS[filter] as string);
  }

  /** Its will is published if it leaves without DISCONNECT. */
  async #leave(one: Client, kind: "disconnect" | "abort"): Promise<void> {
    const { member, client, will } = one;
    await this.#catchUp(one);
    // Without a will the test could not see when the server has noticed.
    if (kind === "disconnect" || !will) await client.disconnect();
    else await client.abort();
    member.connected = false;
    if (!member.lasting) this.#model.forget(member);
    if (kind === "abort" && will) {
      this.#model.publish({ ...will, retain: false }, null);
      await this.#untilHeard(will.payload);
    }
    one.will = null;
  }

  /** It must have received everything by now; the messages queued in a session arrive in portions. */
  async #catchUp({ member, client }: Client): Promise<void> {
    const isBehind = () => [...member.owed].some(([payload, count]) => (client.received.get(payload) ?? 0) < count);
    await this.#until(
      () => client.drain(),
      () => !isBehind(),
      `${member.name} gets what it must`,
    );
  }

  async #untilHeard(payload: string): Promise<void> {
    await this.#until(
      () => this.#willSubscriber.drain(),
      () => this.#willSubscriber.received.has(payload),
      `will ${payload} is heard`,
    );
  }

  async #until(step: () => Promise<void>, isDone: () => boolean, what: string): Promise<void> {
    for (let i = 0; i < 200; i++) {
      await step();
      if (isDone()) return;
      await Bun.sleep(20);
    }
    throw new Error(`never: ${what}`);
  }

  #willSubscriberFields = (clean: boolean) => ({ clientId: "willSubscriber", username: this.#place.devices[1], clean });

  async #leaveNothing(): Promise<void> {
    const keeper = this.#willSubscriber;
    await keeper.disconnect();
    await keeper.connect(this.#place.addresses.tcp, 4, this.#willSubscriberFields(true));
    for (const topic of this.#model.retainedTopics) {
      await keeper.ask({ cmd: "publish", topic, payload: "", qos: 1, retain: true, messageId: 1 });
    }
    await keeper.disconnect();
    for (const { member, client, device } of this.#clients) {
      if (member.connected) await client.disconnect();
      if (!member.lasting) continue;
      await client.connect(this.#place.addresses.tcp, 4, { clientId: member.name.at(-1), username: device });
      await client.disconnect();
    }
  }

  #payload(): string {
    return `${this.#name}:${++this.#count}`;
  }
}

const PLAIN: Action = {
  kind: "connect",
  device: 0,
  clientId: 0,
  topic: 4,
  filter: 0,
  qos: 1,
  retain: false,
  empty: false,
  lasting: false,
  clean: false,
  level: 4,
  noLocal: false,
  web: false,
  will: false,
};

test("every client receives all its messages and no others, in 20 identical hubs", async () => {
  using folder = temporaryFolder();
  const dataDir = folder.path;
  const { token } = await createAccount({ dataDir });
  await using server = await startServer({ dataDir });
  const addresses = addressesOf(server);
  const places: Place[] = [];
  for (let i = 0; i < HUBS; i++) {
    const hub = await createHub(server.url, token, `hub ${i}`);
    const rest = (device: number) =>
      device % 4 ? {} : { message_filters: { publish: SECRET_FILTERS, subscribe: SECRET_FILTERS } };
    const making = Array.from({ length: DEVICES }, (_, device) =>
      createDevice(server.url, token, hub, `device ${device}`, rest(device)),
    );
    places.push({ addresses, hub, devices: await Promise.all(making) });
  }
  let messages = 0;
  let clients = 0;
  const property = fc.asyncProperty(anyTraffic, async (traffic) => {
    const runs = places.map((place, i) => new HubRun(place, `hub${i}`));
    await Promise.all(
      runs.map(async (run, i) => {
        await run.begin();
        for (const action of traffic[i] ?? []) await run.act(action);
      }),
    );
    const wrong = (await Promise.all(runs.map((run) => run.end()))).flat();
    messages += runs.reduce((sum, run) => sum + run.messages, 0);
    clients += HUBS * DEVICES;
    expect(wrong.slice(0, 10)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, endOnFailure: true, interruptAfterTimeLimit: 900_000 });
  say(`${RUNS} runs, ${clients} connections and more, ${messages} messages, each to exactly whom it was for`);
}, 1_000_000);
