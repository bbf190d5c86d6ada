import { connect, type MqttClient } from "mqtt";
import { createDevice, createHub } from "../../../test/support/mqtt/mqtt-process.ts";
import type { Account } from "../../../test/support/process/server-process.ts";
import { Samples } from "../measures/percentiles.ts";

/** A tenant's actions at an even pace, per second. */
const PACE = { reads: 50, writes: 50, puts: 20, connects: 5, deliveries: 10 } as const;
export type Act = keyof typeof PACE;
export const ACTS = Object.keys(PACE) as Act[];

/** An action without a response by then counts as that late. */
const PATIENCE_MS = 10_000;
const READY_EVERY_MS = 250;
const DOORS = 50;

export type Experience = {
  p99Ms: Record<Act, number>;
  /** Refusals, by their message. */
  refused: Record<string, number>;
  /** Requests of /readyz, and those that were not answered with ready. */
  looks: number;
  notReady: number;
};

type Place = { url: string; mqttUrl: string; account: Account };

/** A company with a twin, a device and a webhook, which does a little of everything and records how long that takes. */
export class QuietTenant implements AsyncDisposable {
  readonly #place: Place;
  /** Devices that connect and disconnect, so that none takes over its own slow connection. */
  readonly #doors: readonly string[];
  readonly #client: MqttClient;
  readonly #twin: string;
  readonly #receiver: ReturnType<typeof Bun.serve>;
  readonly #delivered = new Map<string, () => void>();
  readonly #answered: (() => void)[] = [];
  #next = 0;

  static async open(place: Place): Promise<QuietTenant> {
    const { url, account } = place;
    const hub = await createHub(url, account.token, "quiet");
    const device = await createDevice(url, account.token, hub, "panel");
    const doors: string[] = [];
    while (doors.length < DOORS) doors.push(await createDevice(url, account.token, hub, `door ${doors.length}`));
    const twin = (await call(place, "POST", "/twins", {})).creation_certificate.uuid;
    const client = connect(place.mqttUrl, { clientId: device, reconnectPeriod: 100 });
    await new Promise((done) => client.once("connect", done));
    await client.subscribeAsync("$SCW/twins/me/current/put/response/+", { qos: 1 });
    const tenant = new QuietTenant(place, { doors, client, twin });
    const confirmed = Promise.withResolvers<void>();
    tenant.#delivered.set("confirmed", confirmed.resolve);
    const callback_url = `http://127.0.0.1:${tenant.#receiver.port}/`;
    await call(place, "POST", "/notifications/webhooks", { callback_url, topic: "told" });
    await confirmed.promise;
    await call(place, "PUT", `/twins/${twin}/documents/read`, { data: { door: "closed" } });
    return tenant;
  }

  private constructor(place: Place, { doors, client, twin }: { doors: string[]; client: MqttClient; twin: string }) {
    this.#place = place;
    this.#doors = doors;
    this.#client = client;
    this.#twin = twin;
    client.on("message", () => this.#answered.shift()?.());
    client.on("error", () => {});
    this.#receiver = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#receive(request) });
  }

  async [Symbol.asyncDispose]() {
    await this.#client.endAsync(true);
    await this.#receiver.stop(true);
  }

  /** Acts for this time, and returns the measurements. */
  async live(ms: number): Promise<Experience> {
    const refused: Record<string, number> = {};
    const samples = Object.fromEntries(ACTS.map((act) => [act, new Samples()])) as Record<Act, Samples>;
    const under: Promise<void>[] = [];
    let [looks, notReady] = [0, 0];
    const doAct = async (act: Act) => {
      const began = performance.now();
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => late.reject(new Error("no answer in 10 s")), PATIENCE_MS);
      try {
        await Promise.race([this.#acts[act](), late.promise]);
      } catch (error) {
        const what = `${act}: ${error instanceof Error ? error.message : error}`.slice(0, 120);
        refused[what] = (refused[what] ?? 0) + 1;
      }
      clearTimeout(timer);
      samples[act].add(performance.now() - began);
    };
    const timers = ACTS.map((act) => setInterval(() => under.push(doAct(act)), 1000 / PACE[act]));
    const look = async () => {
      looks++;
      const status = await fetch(`${this.#place.url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status !== 200) notReady++;
    };
    timers.push(setInterval(() => under.push(look()), READY_EVERY_MS));
    await Bun.sleep(ms);
    for (const timer of timers) clearInterval(timer);
    await Promise.all(under);
    const p99Ms = Object.fromEntries(ACTS.map((act) => [act, samples[act].summary().p99Ms])) as Record<Act, number>;
    return { p99Ms, refused, looks, notReady };
  }

  readonly #acts: Record<Act, () => Promise<void>> = {
    reads: async () => {
      await call(this.#place, "GET", `/twins/${this.#twin}/documents/read`);
    },
    writes: async () => {
      const data = { n: this.#next++ };
      await call(this.#place, "PUT", `/twins/${this.#twin}/documents/written`, { data });
    },
    puts: async () => {
      const answered = new Promise<void>((done) => this.#answered.push(done));
      await this.#client.publishAsync("$SCW/twins/me/current/put", `{"data":{"n":${this.#next++}}}`, { qos: 1 });
      await answered;
    },
    connects: () => {
      const client = connect(this.#place.mqttUrl, {
        clientId: this.#doors[this.#next++ % DOORS] as string,
        reconnectPeriod: 0,
      });
      return new Promise<void>((done, fail) => {
        client.once("connect", () => done());
        client.once("error", fail);
        client.once("close", () => fail(new Error("closed")));
      }).finally(() => client.end(true));
    },
    deliveries: async () => {
      const color = `c${this.#next++}`;
      const delivered = new Promise<void>((done) => this.#delivered.set(color, done));
      const sticker = { recipients: [this.#place.account.account], publish: { on_put: ["told"] } };
      await call(this.#place, "POST", `/twins/${this.#twin}/stickers`, { stickers: { [color]: sticker } });
      await delivered;
      this.#delivered.delete(color);
    },
  };

  async #receive(request: Request): Promise<Response> {
    const body = (await request.json()) as { confirmation_url?: string; event?: { color: string } };
    if (body.confirmation_url) {
      const { pathname, search } = new URL(body.confirmation_url);
      await fetch(`${this.#place.url}${pathname}${search}`);
      this.#delivered.get("confirmed")?.();
    } else this.#delivered.get(body.event?.color ?? "")?.();
    return new Response(null, { status: 204 });
  }
}

/** Calls the account API. Throws the message of a refusal. */
async function call({ url, account }: Pick<Place, "url" | "account">, method: string, path: string, body?: object) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: account.secret },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 80)}`);
  return text && JSON.parse(text);
}
