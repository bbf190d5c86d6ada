import { ConnectionEnded, Wire } from "../../support/http/http-connection.ts";
import { HUB } from "../../support/world/hub.ts";

type Data = Record<string, number | string>;
/** A document as its writer knows it; undefined if absent. */
export type State = { version: number; data: Data } | undefined;
/** The last acknowledged state, and the one that a write in flight would leave. */
export type OwnDocument = { told: State; flying: { state: State } | undefined };
export type OwnDevice = { id: string; documents: Map<string, OwnDocument>; deletion?: "flying" | "told" };

const below = (bound: number) => Math.floor(Math.random() * bound);

/**
 * Writers who each have devices of their own and write their documents through both APIs, recording what was
 * acknowledged.
 */
export class DeviceLoad {
  readonly devices: OwnDevice[] = [];
  acknowledged = 0;
  refused = 0;
  readonly #token: string;
  readonly #secret: string;
  readonly #hubs: string[] = [];
  #number = 0;

  constructor({ secret, token }: { secret: string; token: string }) {
    this.#secret = secret;
    this.#token = token;
  }

  async prepare(url: string): Promise<void> {
    const wire = await Wire.open(url);
    for (const name of ["first", "second"]) {
      const { text } = await this.#hub(wire, "POST", "/hubs", { name });
      this.#hubs.push(JSON.parse(text).id);
    }
    wire.close();
  }

  /** Writes on `writers` connections until they end. Rejects on a response that the server must never give. */
  async run(url: string, writers: number): Promise<void> {
    const own = Array.from({ length: writers }, (_, index) => this.devices.filter((_, i) => i % writers === index));
    await Promise.all(
      own.map(async (devices) => {
        try {
          const wire = await Wire.open(url);
          for (;;) await this.#writeSomething(wire, devices);
        } catch (error) {
          if (!(error instanceof ConnectionEnded)) throw error;
        }
      }),
    );
  }

  /** The document as the server has it now, or undefined. */
  async read(wire: Wire, device: string, name: string): Promise<State> {
    const { status, text } = await this.#hub(wire, "GET", `/twins/${device}/documents/${name}`);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`${status} ${text}`);
    const { version, data } = JSON.parse(text);
    return { version, data };
  }

  async #writeSomething(wire: Wire, devices: OwnDevice[]): Promise<void> {
    const living = devices.filter(({ deletion }) => deletion === undefined);
    const device = living[below(living.length)];
    const dice = Math.random();
    if (!device || (dice < 0.06 && living.length < 12)) await this.#createDevice(wire, devices);
    else if (dice < 0.08) await this.#deleteDevice(wire, device);
    else await this.#writeDocument(wire, device);
  }

  async #createDevice(wire: Wire, devices: OwnDevice[]): Promise<void> {
    const body = { hub_id: this.#hubs[below(2)], name: `device ${++this.#number}` };
    const { status, text } = await this.#hub(wire, "POST", "/devices", body);
    if (status !== 200) throw new Error(`${status} ${text}`);
    const device = { id: JSON.parse(text).device.id, documents: new Map() };
    this.devices.push(device);
    devices.push(device);
    this.acknowledged++;
  }

  async #deleteDevice(wire: Wire, device: OwnDevice): Promise<void> {
    device.deletion = "flying";
    const answer =
      Math.random() < 0.5
        ? await this.#hub(wire, "DELETE", `/devices/${device.id}`)
        : await wire.call("DELETE", `/twins/${device.id}`, { headers: { authorization: this.#secret } });
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
    device.deletion = "told";
    this.acknowledged++;
  }

  async #writeDocument(wire: Wire, device: OwnDevice): Promise<void> {
    const name = ["current", "desired", "_config"][below(3)] as string;
    const document = device.documents.get(name) ?? { told: undefined, flying: undefined };
    device.documents.set(name, document);
    const { told } = document;
    const method = told ? (["PUT", "PATCH", "PATCH", "PATCH", "DELETE"][below(8)] ?? "PUT") : "PUT";
    const data: Data = { n: ++this.#number, ...(Math.random() < 0.05 && { filling: "x".repeat(below(30_000)) }) };
    const wrong = Math.random() < 0.1;
    const version = wrong ? (told?.version ?? 0) + 1 : (told?.version ?? 0);
    const next: State =
      method === "DELETE"
        ? undefined
        : { version: (told?.version ?? 0) + 1, data: method === "PATCH" ? { ...told?.data, ...data } : data };
    const refusal = wrong && method !== "DELETE";
    if (!refusal) document.flying = { state: next };
    const path = `/twins/${device.id}/documents/${name}`;
    const body = method === "DELETE" ? undefined : { version, data };
    const answer =
      Math.random() < 0.5
        ? await this.#hub(wire, method, path, body)
        : await wire.call(method, path, {
            headers: { authorization: this.#secret },
            ...(body && { body: JSON.stringify(body) }),
          });
    if (answer.status !== (refusal ? 400 : method === "DELETE" ? 204 : 200)) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    }
    if (refusal) {
      this.refused++;
      return;
    }
    document.told = next;
    document.flying = undefined;
    this.acknowledged++;
  }

  #hub(wire: Wire, method: string, path: string, body?: unknown) {
    return wire.call(method, HUB + path, {
      headers: { "x-auth-token": this.#token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}
