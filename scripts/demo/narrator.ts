import type { Json } from "../../test/support/world/world.ts";

type Answer = { status: number; body: Json };

/** Longer responses are cut when printed. */
const PRINTED_LENGTH_MAX = 300;

type Print = (line: string) => void;
const toReader: Print = (line) => process.stdout.write(`${line}\n`);

/**
 * Prints a story for a reader: the next step, each call with its response, each message. Throws where something differs
 * from what is expected.
 */
export class Narrator {
  #step = "";
  #steps = 0;
  readonly #url: string;
  readonly #print: Print;
  /** The names of ids and secrets in the story. */
  readonly #names = new Map<string, string>();

  constructor(url: string, print: Print = toReader) {
    this.#url = url;
    this.#print = print;
  }

  chapter(title: string): void {
    this.#print(`\n${title}\n${"=".repeat(title.length)}`);
  }

  /** Steps 5 and 6 are "5-6"; the number of steps is printed at the end. */
  step(number: string, sentence: string): void {
    this.#step = number;
    const [first = 0, last = first] = number.split("-").map(Number);
    this.#steps += last - first + 1;
    this.#print(`\n${number}. ${sentence}`);
  }

  name(id: string, name: string): void {
    this.#names.set(id, `<${name}>`);
  }

  /** Sends a request and prints it with its response. On the hub API callers use the token spelling of their secret. */
  async call(
    who: string,
    method: string,
    where: string,
    { as, token, body }: { as?: string; token?: string; body?: Json } = {},
  ): Promise<Answer> {
    const url = where.startsWith("/") ? `${this.#url}${where}` : where;
    this.#print(
      `   ${who}: ${method} ${this.#readable(where)}${body ? ` ${this.#readable(JSON.stringify(body))}` : ""}`,
    );
    const response = await fetch(url, {
      method,
      headers: { ...(as && { authorization: as }), ...(token && { "x-auth-token": token }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    this.#print(`     -> ${response.status} ${this.#readable(text)}`);
    return { status: response.status, body: text && JSON.parse(text) };
  }

  /** An action that is not a request. */
  act(who: string, what: string): void {
    this.#print(`   ${who}: ${this.#readable(what)}`);
  }

  /** A message that a receiver got, with its topic if it has one. */
  message(to: string, message: Json, topic?: string): void {
    const where = topic === undefined ? "" : ` on ${this.#readable(topic)}`;
    this.#print(`     <- ${to} receives${where} ${this.#readable(JSON.stringify(message))}`);
  }

  /** Compares lists and plain values exactly; an object must contain at least these members, at every level. */
  expect(what: string, actual: Json, wanted: Json): void {
    const isObject = typeof wanted === "object" && wanted !== null && !Array.isArray(wanted);
    const holds = isObject ? Bun.deepMatch(wanted, actual) : Bun.deepEquals(actual, wanted);
    if (!holds) {
      throw new Error(
        `at step ${this.#step}: ${what} should be ${JSON.stringify(wanted)}, and is ${JSON.stringify(actual)}`,
      );
    }
    this.#print(`     ok ${what}`);
  }

  end(): void {
    this.#print(`\nAll ${this.#steps} steps went as they should.`);
  }

  #readable(text: string): string {
    let readable = text.replaceAll(this.#url, "");
    for (const [id, name] of this.#names) readable = readable.replaceAll(id, name);
    readable = readable.replaceAll(/([?&]token=[\w+/]{8})[\w+/=]*/g, "$1...");
    return readable.length > PRINTED_LENGTH_MAX ? `${readable.slice(0, PRINTED_LENGTH_MAX)}...` : readable;
  }
}
