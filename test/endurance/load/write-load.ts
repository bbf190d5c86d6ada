import { ConnectionEnded, Wire } from "../../support/http/http-connection.ts";
import type { Account } from "../../support/process/server-process.ts";
import { type Entry, isCopy, type JournalAudit } from "../audit/journal-audit.ts";
import { AcknowledgedValues } from "./acknowledged-values.ts";
import { AcknowledgedWrites, Caller, type Tally } from "./acknowledged-writes.ts";
import { IdentityWriter } from "./identity-writer.ts";
import { LedgerWriter } from "./ledger-writer.ts";
import { newTwin, type OwnTwin, pick } from "./own-twin.ts";

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

/** What one writer has created, for use after a crash. */
class Pool {
  twins: OwnTwin[] = [];
  users: string[] = [];
  roles: string[] = [];
  /** Stickers put and not removed, as far as the writer knows: they may have expired. */
  stickers: { twin: string; color: string }[] = [];
}

/** Many callers that use every kind of write, on many connections at once, and record it. */
export class Load {
  readonly books = new AcknowledgedWrites();
  readonly #told = new AcknowledgedValues();
  readonly #ledgers: LedgerWriter;
  readonly #identities: IdentityWriter;
  readonly #account: Account;
  readonly #pools: Pool[];
  #number = 0;
  /** A user whose permission to create twins comes and goes. */
  #tamed = { role: "", secret: "" };
  #strangersTwin = "";

  constructor(account: Account, writers: number) {
    this.#account = account;
    this.#pools = Array.from({ length: writers }, () => new Pool());
    const next = () => this.#next();
    const anyTwin = () => pick(pick(this.#pools)?.twins ?? []);
    this.#ledgers = new LedgerWriter(account.account, next, anyTwin, this.#told);
    this.#identities = new IdentityWriter(next, this.#told);
  }

  /** Creates what the writers need beforehand. */
  async prepare(url: string, stranger: Account): Promise<void> {
    const wire = await Wire.open(url);
    this.#tamed = await this.#createTrustedUser(this.#caller(wire));
    const n = this.#next();
    const body = { description: { n } };
    const { creation_certificate } = await this.#caller(wire, stranger.secret).write(`${n}`, "POST", "/twins", body);
    this.#strangersTwin = creation_certificate.uuid;
    wire.close();
  }

  /** Writes until the connections end, and then resolves. Rejects on a response that the server must never give. */
  async run(url: string): Promise<void> {
    const untilEnded = async (secret: string, work: (caller: Caller) => Promise<void>) => {
      try {
        const caller = this.#caller(await Wire.open(url), secret);
        for (;;) await work(caller);
      } catch (error) {
        if (!(error instanceof ConnectionEnded)) throw error;
      }
    };
    const { secret } = this.#account;
    await Promise.all([
      ...this.#pools.map((pool) => untilEnded(secret, (caller) => this.#writeSomething(caller, pool))),
      untilEnded(secret, (caller) => this.#tame(caller)),
      ...[1, 2, 3].map(() => untilEnded(this.#tamed.secret, (caller) => this.#writeTamed(caller))),
    ]);
  }

  /** Compares the journal with the records, and each writer's twins with what the writer knows of them. */
  audit(entries: Entry[], journal: JournalAudit): Tally {
    const tally = this.books.auditJournal(entries.filter((entry) => !isCopy(entry)));
    for (const pool of this.#pools) pool.twins = pool.twins.filter((twin) => this.books.auditTwin(journal, twin));
    return tally;
  }

  /** The server still gives its last responses. Clears the records. */
  async auditServed(url: string, journal: JournalAudit): Promise<void> {
    const { secret } = this.#account;
    await this.#told.auditServed(() => Wire.open(url), secret, journal);
    await this.books.auditServed(() => Wire.open(url), secret, journal);
  }

  async #writeSomething(caller: Caller, pool: Pool): Promise<void> {
    const twin = pick(pool.twins);
    const dice = Math.random();
    if (twin && Math.random() < 0.2) await this.#useStickers(caller, pool, twin);
    else if (twin && Math.random() < 0.6) {
      await (dice < 0.8 ? this.#ledgers.write(caller, twin) : this.#identities.write(caller, twin));
    } else if (dice < 0.2 || !twin) await this.#createTwin(caller, pool);
    else if (dice < 0.65) await this.#updateTwin(caller, twin);
    else if (dice < 0.78) await this.#terminateTwin(caller, pool, twin);
    else if (dice < 0.84) await this.#createUser(caller, pool);
    else if (dice < 0.9) await this.#changeRoles(caller, pool);
    else if (dice < 0.91) await this.#createTrustedUser(caller);
    else await this.#beRefused(caller);
  }

  async #createTwin(caller: Caller, pool: Pool): Promise<void> {
    const n = this.#next();
    const { creation_certificate } = await caller.write(`${n}`, "POST", "/twins", { description: describe(n) });
    pool.twins.push(newTwin(creation_certificate.uuid, `${n}`));
  }

  async #updateTwin(caller: Caller, twin: OwnTwin): Promise<void> {
    const n = this.#next();
    twin.flying = `${n}`;
    await caller.write(`${n}`, "PATCH", `/twins/${twin.id}`, { description: describe(n) });
    twin.last = `${n}`;
    twin.flying = undefined;
    if (Math.random() < 0.2) await caller.expectDescription(twin.id, n);
  }

  async #terminateTwin(caller: Caller, pool: Pool, twin: OwnTwin): Promise<void> {
    const key = `twin.terminated ${twin.id}`;
    twin.flying = key;
    await caller.write(key, "DELETE", `/twins/${twin.id}`);
    pool.twins.splice(pool.twins.indexOf(twin), 1);
    const n = this.#next();
    await caller.try([400], `${n}`, "PATCH", `/twins/${twin.id}`, { description: { n } });
  }

  /** Some are removed, some at the moment in which they expire, some twice, and many expire. */
  async #useStickers(caller: Caller, pool: Pool, { id: twin }: OwnTwin): Promise<void> {
    const color = `c${this.#next()}`;
    const sticker = {
      recipients: [this.#account.user],
      validity_ts: (Date.now() + 50 + Math.floor(Math.random() * 2000)) / 1000,
      publish: { on_put: ["put"], on_remove: ["done", "removed"], on_expire: ["expired"] },
    };
    const path = `/twins/${twin}/stickers`;
    // If the server is slow, the expiry may have come before the put.
    const put = await caller.try([400], `sticker.put ${color}`, "POST", path, { stickers: { [color]: sticker } });
    if (!put) return;
    pool.stickers.push({ twin, color });
    if (pool.stickers.length < 4) return;
    const [old] = pool.stickers.splice(Math.floor(Math.random() * pool.stickers.length), 1);
    if (!old || Math.random() < 0.3) return;
    const key = `sticker.removed ${old.color}`;
    const removed = await caller.try([404], key, "DELETE", `/twins/${old.twin}/stickers/${old.color}`);
    // A removed sticker cannot be removed again.
    if (removed) await caller.expectGone(`/twins/${old.twin}/stickers/${old.color}`);
  }

  async #createUser(caller: Caller, pool: Pool): Promise<void> {
    const n = this.#next();
    const role = pick(pool.roles) ?? this.#account.role;
    const { uuid } = await caller.write(`${n}`, "POST", "/users", { role, name: `User ${n}`, description: { n } });
    pool.users.push(uuid);
  }

  async #changeRoles(caller: Caller, pool: Pool): Promise<void> {
    const role = pick(pool.roles);
    const user = pick(pool.users);
    const n = this.#next();
    const statement = { effect: "allow", actions: n % 2 ? ["create_twin"] : ["create_twin", "get_twin"] };
    const dice = Math.random();
    if (!role || dice < 0.2) {
      pool.roles.push((await caller.write(`${n}`, "POST", "/roles", { name: `Role ${n}`, statement })).uuid);
    } else if (!user || dice < 0.6) {
      await caller.write(`${n}`, "PATCH", `/roles/${role}`, { name: `Role ${n}`, statement });
    } else if (dice < 0.9) {
      await caller.write(`${n}`, "PATCH", `/users/${user}`, { role, description: { n } });
    } else {
      pool.users.splice(pool.users.indexOf(user), 1);
      await caller.write(`user.deleted ${user}`, "DELETE", `/users/${user}`);
    }
  }

  /** A user with a role of its own, and a secret for a PIN. */
  async #createTrustedUser(caller: Caller): Promise<{ role: string; secret: string }> {
    const [n, m] = [this.#next(), this.#next()];
    const statement = { effect: "allow", actions: ["create_twin"] };
    const role = (await caller.write(`${n}`, "POST", "/roles", { name: `Role ${n}`, statement })).uuid;
    const user = (await caller.write(`${m}`, "POST", "/users", { role, description: { n: m } })).uuid;
    const { pin } = await caller.write(`secret.pin_created ${user}`, "POST", `/users/${user}/secrets`);
    const path = `/secrets/${this.#account.account}/${pin}`;
    return { role, secret: (await caller.write(`secret.created ${user}`, "POST", path)).secret };
  }

  /** Requests that are refused because of stored state, within a group with others. */
  async #beRefused(caller: Caller): Promise<void> {
    const n = this.#next();
    const description = { n };
    const dice = Math.random();
    if (dice < 0.4) await caller.try([400], `${n}`, "POST", "/users", { role: UNKNOWN_ID, description });
    else if (dice < 0.7) await caller.try([404], `${n}`, "PATCH", `/twins/${UNKNOWN_ID}`, { description });
    else await caller.try([403], `${n}`, "PATCH", `/twins/${this.#strangersTwin}`, { description });
  }

  /** Removes the permission to create twins, and grants it again; either applies from the next request on. */
  async #tame(caller: Caller): Promise<void> {
    const tamed = caller.as(this.#tamed.secret);
    for (const actions of [[], ["create_twin"]]) {
      const n = this.#next();
      const body = { name: `Role ${n}`, statement: { effect: "allow", actions } };
      await caller.write(`${n}`, "PATCH", `/roles/${this.#tamed.role}`, body);
      const m = this.#next();
      const created = await tamed.try([403], `${m}`, "POST", "/twins", { description: { n: m } });
      if ((created === undefined) !== (actions.length === 0)) throw new Error(`role ${n} is not in force`);
    }
  }

  async #writeTamed(caller: Caller): Promise<void> {
    const n = this.#next();
    await caller.try([403], `${n}`, "POST", "/twins", { description: { n } });
  }

  #caller(wire: Wire, secret = this.#account.secret): Caller {
    return new Caller(wire, secret, this.books);
  }

  #next(): number {
    return ++this.#number;
  }
}

/** Mostly small, sometimes large, like real descriptions. */
const describe = (n: number) => ({ n, filling: "x".repeat(Math.random() < 0.02 ? 20_000 : Math.random() * 200) });
