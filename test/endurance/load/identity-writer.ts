import { itemsKey, validityOf, visibilityOf, type WriteNumber } from "../audit/write-keys.ts";
import type { AcknowledgedValues } from "./acknowledged-values.ts";
import type { Caller } from "./acknowledged-writes.ts";
import { type OwnTwin, pick } from "./own-twin.ts";

const UNKNOWN = "N%230";

/** Creates, changes and deletes the identities of its own twins. */
export class IdentityWriter {
  readonly #next: () => number;
  readonly #told: AcknowledgedValues;

  constructor(next: () => number, told: AcknowledgedValues) {
    this.#next = next;
    this.#told = told;
  }

  async write(caller: Caller, twin: OwnTwin): Promise<void> {
    const name = pick([...twin.identities]);
    const dice = Math.random();
    if (!name || dice < 0.45) await this.#create(caller, twin, name);
    else if (dice < 0.75) await this.#update(caller, twin, name);
    else if (dice < 0.9) await this.#delete(caller, twin, name);
    else await this.#beRefused(caller, twin);
  }

  /** New ones, and sometimes an existing one, which alone is refused. */
  async #create(caller: Caller, twin: OwnTwin, known: string | undefined): Promise<void> {
    const created = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => this.#next());
    const wishes = created.map((n): [string, WriteNumber] => [`N#${n}`, Math.random() < 0.5 ? n : undefined]);
    const body = wishes.map(([name, n]) => [name, { validity_ts: n === undefined ? null : validityOf(n) }] as const);
    const refused = known !== undefined && Math.random() < 0.5 ? [[known, {}] as const] : [];
    const key = itemsKey("identity.created", twin.id, wishes);
    const identities = Object.fromEntries([...body, ...refused].toSorted(() => Math.random() - 0.5));
    const answer = JSON.parse(
      await caller.writeItems(key, "POST", `/twins/${twin.id}/identities`, { identities }),
    ).identities;
    for (const [name] of wishes) {
      twin.identities.add(name);
      this.#told.tellIdentity(twin.id, name, { key, text: JSON.stringify(answer[name]) });
    }
    for (const [name] of refused) {
      if (answer[name].error !== "Identity already exists.") throw new Error(`${name} was created twice`);
    }
  }

  async #update(caller: Caller, twin: OwnTwin, name: string): Promise<void> {
    const n = this.#next();
    const key = itemsKey("identity.updated", twin.id, [[name, n]]);
    const body = { validity_ts: validityOf(n), ...(Math.random() < 0.5 && { visibility: visibilityOf(n) }) };
    const text = await caller.writeItems(key, "PATCH", pathOf(twin, name), body);
    this.#told.tellIdentity(twin.id, name, { key, text });
  }

  async #delete(caller: Caller, twin: OwnTwin, name: string): Promise<void> {
    const key = itemsKey("identity.deleted", twin.id, [[name, undefined]]);
    await caller.writeItems(key, "DELETE", pathOf(twin, name));
    twin.identities.delete(name);
    await caller.try([404], itemsKey("identity.updated", twin.id, [[name, 1]]), "PATCH", pathOf(twin, name), {});
  }

  async #beRefused(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    const key = itemsKey("identity.updated", twin.id, [["N#0", n]]);
    const body = { validity_ts: validityOf(n) };
    await caller.try([404], key, "PATCH", `/twins/${twin.id}/identities/${UNKNOWN}`, body);
  }
}

const pathOf = (twin: OwnTwin, name: string) => `/twins/${twin.id}/identities/${encodeURIComponent(name)}`;
