import { type Client, openClient } from "../mqtt/client.ts";
import { DISCONNECT, identifierOf, payloadAt, puback, publish, type QoS, type Seen, TYPE } from "../mqtt/packets.ts";
import { pace, type Recorder, type Stop } from "./recorder.ts";

const PUTTERS = 20;
const PUTS_PER_SECOND = 100;
const PAIRS = 10;
const MESSAGES_PER_SECOND = 100;
const LASTING = 10;
const QUEUED_PER_SECOND = 20;
const VISITS_PER_SECOND = 5;
/** Persistent sessions are connected for this long, and disconnected for this long. */
const TURN_MS = 2000;
const SETTLE_MS = 5000;
const DOCUMENT = JSON.stringify({ data: { alarm_armed: true, battery: 87, zones: { hall: "closed" } } });

type Place = { url: string; devices: readonly string[]; recorder: Recorder };

/**
 * Devices that put, publish to each other, connect and disconnect, and have sessions with queued messages. Resolves
 * when all have connected.
 */
export async function startDevices(place: Place): Promise<Stop> {
  const stops = [
    await startPutters(place),
    await startPairs(place, 0),
    await startPairs(place, 1),
    await startLasting(place),
    startVisits(place),
  ];
  return async () => void (await Promise.all(stops.map((stop) => stop())));
}

async function open({ url, devices, recorder }: Place, n: number, name: string, rest: OpenOptions = {}) {
  const login = {
    clientId: name,
    userName: devices[n % devices.length] as string,
    persistent: rest.persistent ?? false,
  };
  return openClient({ url }, login, recorder.fail, rest.onPacket);
}
type OpenOptions = { persistent?: boolean; onPacket?: (seen: Seen, client: Client) => void };

const leave = (client: Client) => {
  client.write(client.wrap(DISCONNECT));
  client.close();
};

/** With an identifier of its own, which is acknowledged before it is reused. */
function sender(client: Client) {
  let identifier = 0;
  return (topic: string, payload: string, qos: QoS) => {
    const packet = publish(topic, Buffer.from(payload), qos);
    identifier = (identifier % 65_535) + 1;
    if (qos > 0) packet.writeUInt16BE(identifier, packet.indexOf(topic) + topic.length);
    client.write(client.wrap(packet));
  };
}

/** Each device has one put in flight; further puts wait for it. */
async function startPutters(place: Place): Promise<Stop> {
  const topic = "$SCW/twins/me/state/put";
  const putters: { put: () => Promise<void>; client: Client }[] = [];
  for (let n = 0; n < PUTTERS; n += 1) {
    let answered: (() => void) | undefined;
    const client = await open(place, n, `putter-${n}`, {
      onPacket: ({ bytes, type, body }) => {
        if (type !== TYPE.publish) return;
        const success = bytes.toString("latin1", body + 2, body + 2 + bytes.readUInt16BE(body)).endsWith("/success");
        if (!success) place.recorder.fail("a put was answered with an error");
        answered?.();
      },
    });
    await client.subscribe(`${topic}/response/+`, 0);
    const send = sender(client);
    let last = Promise.resolve();
    const put = () => {
      last = last.then(() => {
        const answer = Promise.withResolvers<void>();
        answered = answer.resolve;
        send(topic, DOCUMENT, 1);
        return answer.promise;
      });
      return last;
    };
    putters.push({ put, client });
  }
  let next = 0;
  const act = async (due: number) => {
    await putters[next++ % PUTTERS]?.put();
    place.recorder.add("mqtt_put", performance.now() - due);
  };
  const stop = pace(PUTS_PER_SECOND, act, place.recorder);
  return async () => {
    await stop();
    for (const { client } of putters) leave(client);
  };
}

/** A message counts as answered when its subscriber receives it. */
async function startPairs(place: Place, qos: QoS): Promise<Stop> {
  const kind = `mqtt_publish_qos${qos}`;
  const clients: Client[] = [];
  const sends: ReturnType<typeof sender>[] = [];
  const waiting = new Map<string, () => void>();
  for (let n = 0; n < PAIRS; n += 1) {
    const publisher = await open(place, n, `${kind}-publisher-${n}`);
    const onPacket = hear((message) => waiting.get(message)?.());
    const subscriber = await open(place, n, `${kind}-subscriber-${n}`, { onPacket });
    await subscriber.subscribe(`soak/${qos}/${n}`, qos);
    clients.push(publisher, subscriber);
    sends.push(sender(publisher));
  }
  let next = 0;
  const act = async (due: number) => {
    const [n, message] = [next % PAIRS, `${kind} ${next++}`];
    const heard = Promise.withResolvers<void>();
    waiting.set(message, heard.resolve);
    sends[n]?.(`soak/${qos}/${n}`, message, qos);
    await heard.promise;
    waiting.delete(message);
    place.recorder.add(kind, performance.now() - due);
  };
  const stop = pace(MESSAGES_PER_SECOND, act, place.recorder);
  return async () => {
    await stop();
    clients.forEach(leave);
  };
}

const hear = (onMessage: (message: string) => void) => (seen: Seen, client: Client) => {
  if (seen.type !== TYPE.publish) return;
  if (seen.qos > 0) client.write(client.wrap(puback(identifierOf(seen))));
  onMessage(seen.bytes.toString("latin1", payloadAt(seen), seen.end));
};

/** Persistent sessions whose devices connect and disconnect: nothing published meanwhile may be lost. */
async function startLasting(place: Place): Promise<Stop> {
  const publisher = await open(place, 0, "queue-publisher");
  const send = sender(publisher);
  const missing = new Set<string>();
  let ended = false;
  const arrive = (n: number) =>
    open(place, n, `lasting-${n}`, { persistent: true, onPacket: hear((message) => missing.delete(message)) });
  const live = async (n: number, first: Client) => {
    let client = first;
    while (!ended) {
      await Bun.sleep(TURN_MS * (0.5 + Math.random()));
      leave(client);
      await Bun.sleep(TURN_MS * (0.5 + Math.random()));
      client = await arrive(n);
    }
    const deadline = performance.now() + SETTLE_MS;
    while (missing.size > 0 && performance.now() < deadline) await Bun.sleep(50);
    leave(client);
  };
  const lives: Promise<void>[] = [];
  for (let n = 0; n < LASTING; n += 1) {
    const client = await arrive(n);
    await client.subscribe(`soak/queue/${n}`, 1);
    lives.push(live(n, client).catch(place.recorder.fail));
  }
  let next = 0;
  const stop = pace(
    QUEUED_PER_SECOND,
    async () => {
      const [n, message] = [next % LASTING, `queued ${next++}`];
      missing.add(message);
      send(`soak/queue/${n}`, message, 1);
    },
    place.recorder,
  );
  return async () => {
    await stop();
    ended = true;
    await Promise.all(lives);
    leave(publisher);
    if (missing.size > 0) place.recorder.fail(`${missing.size} messages that waited in a session are lost`);
  };
}

/** Clean sessions that connect, subscribe and disconnect. */
function startVisits(place: Place): Stop {
  let next = 0;
  const act = async (due: number) => {
    const client = await open(place, next, `visitor-${next++}`);
    await client.subscribe("soak/visitors/#", 1);
    place.recorder.add("mqtt_connect", performance.now() - due);
    leave(client);
  };
  return pace(VISITS_PER_SECOND, act, place.recorder);
}
