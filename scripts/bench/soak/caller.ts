import { Wire } from "../../../test/support/http/http-connection.ts";

/** A caller of the REST API with as many connections as it needs at a time; they are kept until it is closed. */
export class Caller {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #wires: Wire[] = [];
  #free: Wire[] = [];

  constructor(url: string, { secret, token }: { secret: string; token: string }) {
    this.#url = url;
    this.#headers = { authorization: secret, "x-auth-token": token };
  }

  /** Returns the response's text; throws for any status but the expected one. */
  async call(method: string, path: string, expected: number, body?: string): Promise<string> {
    const wire = this.#next() ?? (await this.#open());
    const { status, text } = await wire.call(method, path, { headers: this.#headers, ...(body && { body }) });
    this.#free.push(wire);
    if (status !== expected) throw new Error(`${method} ${path} is answered ${status} ${text.slice(0, 300)}`);
    return text;
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) wire.close();
    await Promise.all(this.#wires.map(({ ended }) => ended));
    this.#free = [];
  }

  /** Round robin, so that none is idle for as long as makes the server close it. */
  #next(): Wire | undefined {
    for (;;) {
      const wire = this.#free.shift();
      if (!wire || wire.isUsable) return wire;
    }
  }

  async #open(): Promise<Wire> {
    const wire = await Wire.open(this.#url);
    this.#wires.push(wire);
    return wire;
  }
}
