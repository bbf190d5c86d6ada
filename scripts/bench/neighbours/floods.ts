import { connect as connectTcp, type Socket } from "node:net";
import { generate } from "mqtt-packet";
import { createDevice, createHub } from "../../../test/support/mqtt/mqtt-process.ts";
import type { Account } from "../../../test/support/process/server-process.ts";

/** A hostile company, and the server's addresses; `trap` is a web server that confirms webhooks and then hangs. */
export type Attacker = { url: string; mqttUrl: string; account: Account; trap: string };

/** Floods without end. Resolves when the flood is running. */
type Flood = (attacker: Attacker) => Promise<void>;

/** Every way in which one tenant can overload the server, by the name of the row. */
export const FLOODS = {
  "small puts by REST and MQTT": async (attacker) => {
    const twin = await newTwin(attacker);
    await floodPuts(attacker, 64, 500);
    loop(64, (n) => request(attacker, "PUT", `/twins/${twin}/documents/d${n % 50}`, { data: { n } }));
  },
  "64 kB sticker bodies": async (attacker) => {
    loop(64, async (n) => {
      const twin = await newTwin(attacker);
      for (let part = 0; part < 12; part++) {
        const stickers = many(700, (i) => [`c${n}-${part}-${i}`, { recipients: [attacker.account.user] }]);
        await request(attacker, "POST", `/twins/${twin}/stickers`, { stickers });
      }
    });
  },
  "identities by the thousand": async (attacker) => {
    loop(32, async (n) => {
      const twin = await newTwin(attacker);
      const identities = many(3000, (i) => [`RFID#${n}x${i}`, {}]);
      await request(attacker, "POST", `/twins/${twin}/identities`, { identities });
    });
  },
  "entries by the thousand": async (attacker) => {
    loop(64, async () => {
      const twin = await newTwin(attacker);
      const path = `/twins/${twin}/ledgers/personal`;
      await request(attacker, "POST", path, { entries: many(2300, (i) => [`e${i}`, { value: i }]) });
      await request(attacker, "PATCH", `${path}/value`, { entries: many(2300, (i) => [`e${i}`, { value: i + 1 }]) });
    });
  },
  "scans by plain and costly rules": async (attacker) => {
    const value = "ab".repeat(1000);
    await Promise.all(
      Array.from({ length: 500 }, async () => {
        const twin = await newTwin(attacker);
        await request(attacker, "POST", `/twins/${twin}/ledgers/personal`, {
          entries: { reading: { value: 1 }, text: { value } },
        });
      }),
    );
    const rules = ["LEDGER.reading > 1000", "LEDGER.text =~ '(a|b)*c'", "$sum([x * x for x in $range(2000)]) < 0"];
    loop(32, (n) => request(attacker, "GET", `/twins?match=${encodeURIComponent(rules[n % rules.length] as string)}`));
  },
  "35 000 references to one entry that changes": async (attacker) => {
    const source = await newTwin(attacker);
    const path = `/twins/${source}/ledgers/personal`;
    await request(attacker, "POST", path, { entries: { source: { value: 0 } } });
    const ref = { source: `twin://${source}/${attacker.account.account}/source` };
    let made = 0;
    loop(16, async () => {
      if (made >= 35_000) return Bun.sleep(100);
      made += 400;
      const twin = await newTwin(attacker);
      await request(attacker, "POST", `/twins/${twin}/ledgers/personal`, {
        entries: many(400, (i) => [`r${i}`, { ref }]),
      });
    });
    loop(1, async (n) => {
      await request(attacker, "PATCH", `${path}/value`, { entries: { source: { value: n } } });
      await Bun.sleep(200);
    });
  },
  "hanging endpoints": async (attacker) => floodWebhooks(attacker, (i) => `${attacker.trap}/${i}`, true),
  "slow names": async (attacker) => floodWebhooks(attacker, (i) => `http://h${i}.slow.test/`, false),
  "large documents": async (attacker) => {
    const twin = await newTwin(attacker);
    const data = { text: "x".repeat(1_000_000) };
    loop(16, (n) => request(attacker, "PUT", `/twins/${twin}/documents/d${n % 20}`, { data }));
    loop(4, (n) => request(attacker, "PATCH", `/twins/${twin}/documents/d${n % 20}`, { data: { n } }));
  },
  "silent connections": async ({ url, mqttUrl }) => {
    for (const address of [url, mqttUrl]) {
      const { hostname, port } = new URL(address.replace("mqtt:", "http:"));
      const open = () => {
        const socket = connectTcp({ host: hostname, port: Number(port) });
        socket.on("error", () => {});
        socket.on("close", () => setTimeout(open, 20));
      };
      for (let i = 0; i < 500; i++) open();
    }
    await Bun.sleep(500);
  },
  "lists of 100 000": async (attacker) => {
    const twin = await newTwin(attacker);
    let made = 0;
    loop(8, async (n) => {
      if (made < 100_000) {
        made += 3000;
        const identities = many(3000, (i) => [`RFID#${n}x${i}`, {}]);
        await request(attacker, "POST", `/twins/${twin}/identities`, { identities });
      }
      await request(attacker, "GET", `/twins/${twin}/identities`);
      await request(attacker, "GET", "/users");
    });
    loop(4, (n) => request(attacker, "POST", "/users", { name: `user ${n}`, role: attacker.account.role }));
  },
} satisfies Record<string, Flood>;

export type FloodName = keyof typeof FLOODS;
export const FLOOD_NAMES = Object.keys(FLOODS) as FloodName[];

/** The server's responses, by status. */
export const answers: Record<number, number> = {};

async function request({ url, account }: Attacker, method: string, path: string, body?: object) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: account.secret },
    ...(body && { body: JSON.stringify(body) }),
  });
  answers[response.status] = (answers[response.status] ?? 0) + 1;
  const text = await response.text();
  // A flood that is asked to retry later does so almost at once.
  if (response.status === 429) await Bun.sleep(10);
  return text;
}

/** Other floods may cause refusals or closed connections, so it retries. */
async function newTwin(attacker: Attacker): Promise<string> {
  for (;;) {
    const text = await request(attacker, "POST", "/twins", {}).catch(() => "{}");
    const twin = JSON.parse(text).creation_certificate?.uuid;
    if (twin) return twin;
    await Bun.sleep(10);
  }
}

/** Repeats an action without end, with a given number running concurrently. */
function loop(atOnce: number, act: (n: number) => Promise<unknown>): void {
  let n = 0;
  const goOn = async () => {
    for (;;) await act(n++).catch(() => Bun.sleep(20));
  };
  for (let i = 0; i < atOnce; i++) void goOn();
}

const many = (count: number, itemOf: (index: number) => [string, object]) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => itemOf(index)));

/** Subscriptions whose receivers never respond, and events for each of them, again and again. */
async function floodWebhooks(attacker: Attacker, urlOf: (index: number) => string, confirmed: boolean): Promise<void> {
  const twin = await newTwin(attacker);
  const topics = Array.from({ length: 10 }, (_, i) => `alarm${i}`);
  const subscribe = (i: number) =>
    request(attacker, "POST", "/notifications/webhooks", { callback_url: urlOf(i), topic: topics[i % 10] as string });
  for (let i = 0; i < 300; i++) await subscribe(i).catch(() => Bun.sleep(10));
  if (!confirmed) return;
  loop(1, async (n) => {
    const sticker = { recipients: [attacker.account.user], publish: { on_put: topics } };
    await request(attacker, "POST", `/twins/${twin}/stickers`, { stickers: { [`c${n}`]: sticker } });
    await Bun.sleep(100);
  });
}

/** Devices of one hub that put without end, each with a given number of puts in flight. */
async function floodPuts({ mqttUrl, url, account }: Attacker, devices: number, underWay: number): Promise<void> {
  const hub = await createHub(url, account.token, "flood");
  const { hostname, port } = new URL(mqttUrl.replace("mqtt:", "http:"));
  const clientIds: string[] = [];
  while (clientIds.length < devices) {
    const made = createDevice(url, account.token, hub, `meter ${clientIds.length}`);
    await made.then(
      (id) => clientIds.push(id),
      () => Bun.sleep(10),
    );
  }
  for (const clientId of clientIds) {
    const socket = connectTcp({ host: hostname, port: Number(port), noDelay: true });
    socket.on("error", () => {});
    socket.write(
      generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId, keepalive: 60 }),
    );
    keepPutting(socket, underWay);
  }
}

/** Each PUBACK of four bytes allows one more put. */
function keepPutting(socket: Socket, underWay: number): void {
  let [credit, surplus, id, connack] = [underWay, 0, 0, 4];
  const put = () => {
    const frames: Buffer[] = [];
    for (; credit > 0; credit--) {
      id = (id % 60_000) + 1;
      const payload = `{"data":{"n":${id}}}`;
      frames.push(
        generate({
          cmd: "publish",
          topic: "$SCW/twins/me/current/put",
          qos: 1,
          messageId: id,
          payload,
          dup: false,
          retain: false,
        }),
      );
    }
    socket.write(Buffer.concat(frames));
  };
  socket.on("data", (bytes: Buffer) => {
    surplus += bytes.length - connack;
    connack = 0;
    credit += surplus >> 2;
    surplus &= 3;
    put();
  });
  put();
}
