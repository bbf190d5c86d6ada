import { SQL } from "bun";
import { connectAsync, type IPublishPacket, type MqttClient } from "mqtt";

// The worker of the home-made stack: takes the devices' puts from mosquitto, stores them in PostgreSQL, answers, and
// acknowledges. It is written to be fast: everything that waits is stored by one statement. `home-made.ts` starts it.

type Put = {
  device: string;
  name: string;
  data: unknown;
  stored: (version: number) => void;
  failed: (why: Error) => void;
};

/**
 * mqtt.js passes on the next message of a session only when the last one is acknowledged, so concurrency takes many
 * sessions.
 */
const SESSIONS = 64;
/** Concurrent statements: while one waits for the disk, the next is filled. */
const WRITERS = 2;

const [mqttUrl = "", socket = "", user = ""] = process.argv.slice(2);
const sql = new SQL({ adapter: "postgres", path: socket, username: user, database: "postgres", max: WRITERS });

await sql`CREATE TABLE documents (
  device text NOT NULL,
  name text NOT NULL,
  version bigint NOT NULL,
  data jsonb NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (device, name)
)`;

let waiting: Put[] = [];
const idle: (() => void)[] = [];
for (let n = 0; n < WRITERS; n += 1) void write();
await Promise.all(Array.from({ length: SESSIONS }, openSession));
process.stdout.write("ready\n");

async function openSession(): Promise<void> {
  const client = await connectAsync(mqttUrl, { clean: true });
  client.handleMessage = (packet, done) => {
    answer(client, packet).then(() => done(), done);
  };
  await client.subscribeAsync("$share/workers/devices/+/documents/+/put", { qos: 1 });
}

/** Resolves when the document is stored and the device has its answer; then the message is acknowledged. */
async function answer(client: MqttClient, { topic, payload }: IPublishPacket): Promise<void> {
  const [, device = "", , name = ""] = topic.split("/");
  try {
    const { data } = JSON.parse(String(payload));
    const version = await new Promise<number>((stored, failed) => {
      waiting.push({ device, name, data, stored, failed });
      idle.pop()?.();
    });
    client.publish(`${topic}/response/success`, JSON.stringify({ version }));
  } catch (error) {
    client.publish(`${topic}/response/error`, JSON.stringify({ message: String(error) }));
  }
}

async function write(): Promise<void> {
  for (;;) {
    if (waiting.length === 0) await new Promise<void>((wake) => idle.push(wake));
    const puts = takeGroup();
    try {
      const rows = await store(puts.map(({ device, name, data }) => ({ device, name, data })));
      const versions = new Map(rows.map(({ device, name, version }) => [`${device}/${name}`, Number(version)]));
      for (const { device, name, stored } of puts) stored(versions.get(`${device}/${name}`) as number);
    } catch (error) {
      for (const { failed } of puts) failed(error as Error);
    }
  }
}

/**
 * All waiting puts, but only one of each document, since a statement cannot take two; in the order of their keys, so
 * that no two statements deadlock.
 */
function takeGroup(): Put[] {
  const group = new Map<string, Put>();
  const rest: Put[] = [];
  for (const put of waiting) {
    const key = `${put.device}/${put.name}`;
    if (group.has(key)) rest.push(put);
    else group.set(key, put);
  }
  waiting = rest;
  return [...group].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, put]) => put);
}

type Stored = { device: string; name: string; version: string };

const store = (puts: object[]): Promise<Stored[]> => sql`
  INSERT INTO documents AS known (device, name, version, data, updated_at)
  SELECT device, name, 1, data, now() FROM jsonb_to_recordset(${puts}::jsonb) AS put (device text, name text, data jsonb)
  ON CONFLICT (device, name)
  DO UPDATE SET version = known.version + 1, data = excluded.data, updated_at = excluded.updated_at
  RETURNING device, name, version`;
