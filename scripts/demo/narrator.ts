import type { Json } from "../../test/support/world.ts";

export type Answer = { status: number; body: Json };

/** Longer answers are told in part. */
const TOLD_LENGTH_MAX = 300;

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Tells a story to whoever reads: what is about to happen, each call with its answer, each message; and stops where one differs. */
export class Narrator {
  #step = "";
  #steps = 0;
  readonly #url: string;
  /** What ids and secrets are called in the story. */
  readonly #names = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  chapter(title: string): void {
    print(`\n${title}\n${"=".repeat(title.length)}`);
  }

  /** Steps 5 and 6 are "5-6": how many there were is told at the end. */
  step(number: string, sentence: string): void {
    this.#step = number;
    const [first = 0, last = first] = number.split("-").map(Number);
    this.#steps += last - first + 1;
    print(`\n${number}. ${sentence}`);
  }

  name(id: string, name: string): void {
    this.#names.set(id, `<${name}>`);
  }

  /** One request, told with its answer. */
  async call(who: string, method: string, where: string, options: { as?: string; body?: Json } = {}): Promise<Answer> {
    const { as, body } = options;
    const url = where.startsWith("/") ? `${this.#url}${where}` : where;
    print(`   ${who}: ${method} ${this.#readable(where)}${body ? ` ${this.#readable(JSON.stringify(body))}` : ""}`);
    const response = await fetch(url, {
      method,
      headers: { ...(as && { authorization: as }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    print(`     -> ${response.status} ${this.#readable(text)}`);
    return { status: response.status, body: JSON.parse(text) };
  }

  /** A message that came to a receiver. */
  message(to: string, message: Json): void {
    print(`     <- ${to} receives ${this.#readable(JSON.stringify(message))}`);
  }

  /** What has to be so: a list or a plain value exactly, of an object at least these members, inside of it too. */
  expect(what: string, actual: Json, wanted: Json): void {
    const isObject = typeof wanted === "object" && wanted !== null && !Array.isArray(wanted);
    const holds = isObject ? Bun.deepMatch(wanted, actual) : Bun.deepEquals(actual, wanted);
    if (!holds) {
      throw new Error(
        `at step ${this.#step}: ${what} should be ${JSON.stringify(wanted)}, and is ${JSON.stringify(actual)}`,
      );
    }
    print(`     ok ${what}`);
  }

  end(): void {
    print(`\nAll ${this.#steps} steps went as they should.`);
  }

  #readable(text: string): string {
    let told = text.replaceAll(this.#url, "");
    for (const [id, name] of this.#names) told = told.replaceAll(id, name);
    told = told.replaceAll(/([?&]token=[\w+/]{8})[\w+/=]*/g, "$1...");
    return told.length > TOLD_LENGTH_MAX ? `${told.slice(0, TOLD_LENGTH_MAX)}...` : told;
  }
}
