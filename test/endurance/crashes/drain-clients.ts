import { Wire } from "../../support/http/http-connection.ts";
import { type Level, MqttWire, type Seen, type WireAddress, WireEnded } from "../../support/mqtt/mqtt-wire.ts";
import { HUB } from "../../support/world/hub.ts";

// Clients that send one request at a time until the server is gone, and count unanswered requests.

const DOCUMENT = "state";
const ME = `$SCW/twins/me/${DOCUMENT}/put`;
const SHUTTING_DOWN = 0x8b;

/** The version of a device's document on the server, 0 if there is none. */
export async function versionOf(wire: Wire, token: string, device: string): Promise<number> {
  const path = `${HUB}/twins/${device}/documents/${DOCUMENT}`;
  const { status, text } = await wire.call("GET", path, { headers: { "x-auth-token": token } });
  return status === 404 ? 0 : JSON.parse(text).version;
}

/**
 * Puts the next version of a document by REST. `kept`: on one connection, replaced when a response says that it is the
 * last; `new`: on a new one each time; `slow`: on one connection, with pauses, until a response says that it is the
 * last.
 */
export class RestPutter {
  readonly device: string;
  /** The last acknowledged version. */
  told = 0;
  unanswered = 0;
  readonly #token: string;
  readonly #how: "kept" | "new" | "slow";

  constructor(device: string, token: string, how: "kept" | "new" | "slow") {
    this.device = device;
    this.#token = token;
    this.#how = how;
  }

  toString(): string {
    return `${this.#how} ${this.told}`;
  }

  async run(url: string): Promise<void> {
    let wire: Wire | undefined;
    for (;;) {
      if (wire && this.#how === "slow") {
        await Bun.sleep(Math.random() * 200);
        if (!wire.isUsable) return;
      }
      if (!wire?.isUsable || this.#how === "new") {
        wire?.close();
        wire = await Wire.open(url).catch(() => undefined);
        if (!wire) return; // the server no longer listens
      }
      if (!(await this.#put(wire))) return;
    }
  }

  async #put(wire: Wire): Promise<boolean> {
    const body = JSON.stringify({ version: this.told, data: { n: this.told } });
    const path = `${HUB}/twins/${this.device}/documents/${DOCUMENT}`;
    const answer = await wire
      .call("PUT", path, { headers: { "x-auth-token": this.#token }, body })
      .catch(() => undefined);
    if (!answer) {
      this.unanswered++;
      return false;
    }
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    this.told = JSON.parse(answer.text).version;
    return true;
  }
}

/** Puts the next version of its own document inband, and waits for the answer and its PUBACK. */
export class InbandPutter {
  readonly device: string;
  readonly level: Level;
  told = 0;
  unanswered = 0;
  /** Sent while the connection was ending: only MQTT 5 clients are notified of that. */
  isFlying = false;
  /** Connections opened, and those of them that ended with 0x8B. */
  opened = 0;
  told8b = 0;

  constructor(device: string, level: Level) {
    this.device = device;
    this.level = level;
  }

  toString(): string {
    return `MQTT ${this.level} ${this.told}`;
  }

  async run(address: WireAddress): Promise<void> {
    const wire = await MqttWire.open(address, this.level);
    try {
      await wire.connect({ clientId: this.device, username: this.device });
      this.opened++;
      await wire.subscribe(`${ME}/response/+`, 1);
      for (;;) {
        await new Promise((done) => setImmediate(done));
        if (wire.hasNext || !wire.isOpen) this.#end(await wire.next());
        this.isFlying = true;
        const payload = JSON.stringify({ version: this.told, data: { n: this.told } });
        wire.send({ cmd: "publish", topic: ME, payload, qos: 1, messageId: wire.nextId() });
        await this.#answered(wire);
        this.isFlying = false;
      }
    } catch (error) {
      if (!(error instanceof WireEnded)) throw error;
      if (this.isFlying && this.level === 5) this.unanswered++;
    }
  }

  async #answered(wire: MqttWire): Promise<void> {
    for (let open = 2; open > 0; open--) {
      const packet = await wire.next();
      if (packet.cmd === "disconnect") this.#end(packet);
      if (packet.cmd !== "publish") continue;
      if (!packet["topic"].endsWith("/success")) throw new Error(`${packet["topic"]}: ${packet["payload"]}`);
      this.told = JSON.parse(String(packet["payload"])).version;
      wire.send({ cmd: "puback", messageId: packet["messageId"] });
    }
  }

  #end({ cmd, reasonCode }: Seen): never {
    if (cmd !== "disconnect" || reasonCode !== SHUTTING_DOWN) throw new Error(`ended by ${cmd} ${reasonCode}`);
    this.told8b++;
    throw new WireEnded("the server stops");
  }
}
