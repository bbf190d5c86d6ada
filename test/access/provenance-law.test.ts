import { expect, test } from "bun:test";
import fc from "fast-check";
import { resetUserSecret } from "../../src/access/secrets/reset-user-secret.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { tries } from "../support/tries.ts";
import { type Answer, openWorld, type World } from "../support/world/world.ts";
import { type Person, Provenance, RULE } from "./provenance.ts";

const MINUTE = 60_000;

/** Actions that hand out rights. */
const HANDING = [
  "create_user_role",
  "update_user_role",
  "delete_user_role",
  "create_user",
  "update_user",
  "delete_user",
  "create_user_secret_pin",
  "update_user_secret",
  "delete_user_secret",
  "create_user_token",
];

const statements = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ effect: "allow", actions: HANDING }) },
  {
    weight: 2,
    arbitrary: fc.record({
      effect: fc.constant("allow"),
      actions: fc.subarray([...HANDING, "get_twin"], { minLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      effect: fc.constant("deny"),
      actions: fc.subarray(["get_twin", "delete_user", "create_twin"]),
    }),
  },
);
const bodies = {
  statement: statements,
  /** Whether a role is bound by the rule. */
  bound: fc.boolean(),
  company: fc.constantFrom("a", "b"),
  /** When something ends, in minutes from now. */
  end: fc.constantFrom(undefined, undefined, null, 3, 8, 30),
  options: fc.subarray(["create", "refresh"]),
  dictionary: fc.constantFrom({}, {}, { tier: 1 }, { tier: 2 }),
};

const steps = fc.record({
  what: fc.constantFrom(
    "createRole",
    "updateRole",
    "deleteRole",
    "createUser",
    "giveRole",
    "giveRole",
    "giveRole",
    "describe",
    "deleteUser",
    "pin",
    "pin",
    "pin",
    "redeem",
    "redeem",
    "prolong",
    "prolong",
    "deleteSecret",
    "token",
    "token",
    "refresh",
    "reset",
    "wait",
  ),
  // Most promotions are by the administrator.
  byAdmin: fc.boolean(),
  by: fc.nat(),
  hand: fc.nat(),
  user: fc.nat(),
  // The first role is the administrator's.
  role: fc.oneof(fc.constant(0), fc.nat()),
  ...bodies,
});
type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never;
type Waiting = { pin: string; maker: Person; user: string };

const pick = <T>(things: T[], n: number) => things[n % things.length] as T;
const rulesOf = (step: Pick<Step, "bound">) => ({ twin_rule: step.bound ? RULE : null });

class Story {
  readonly #world: World;
  readonly #account: string;
  readonly #provenance: Provenance;
  readonly #pins: Waiting[] = [];
  /** The user for whom a non-administrator last made a PIN: steps that change this user are worth trying. */
  #lately: string | undefined;
  /** How often each kind of step succeeded. */
  readonly done = new Map<string, number>();

  constructor(world: World, admin: Awaited<ReturnType<World["createAccount"]>>) {
    this.#world = world;
    this.#account = admin.account;
    this.#provenance = new Provenance(world, admin);
  }

  async take(step: Step): Promise<void> {
    const { people } = this.#provenance;
    const refreshers = people.filter(({ token }) => token?.options.includes("refresh"));
    const others = step.what === "refresh" && refreshers.length > 0 ? refreshers : people;
    const by = step.byAdmin && others === people ? this.#provenance.admin : pick(others, step.by);
    const isDone = step.what === "wait" || step.what === "reset" ? await this.#aside(step) : await this.#act(by, step);
    if (isDone) this.done.set(step.what, (this.done.get(step.what) ?? 0) + 1);
    this.#provenance.settle(step.what === "reset" ? this.#provenance.admin : by);
    await this.#provenance.assertLaw();
  }

  async #aside({ what, end, user }: Step): Promise<boolean> {
    if (what === "wait") this.#world.clock.advance((end ?? 1) * MINUTE);
    else if (user % 4 === 0) {
      const id = pick(this.#ids("users"), user);
      const { secret } = await resetUserSecret(this.#world.store, systemRandom, id);
      this.#provenance.hand(id, secret, Infinity);
    }
    return true;
  }

  async #act(by: Person, step: Step): Promise<boolean> {
    const hand = pick(by.hands, step.hand);
    const call = (method: string, path: string, body: unknown) =>
      this.#world.call(method, path, { headers: { authorization: hand }, body });
    const { user, role } = this.#aim(by, step);
    const { statement, company, options, dictionary } = step;
    const validity_ts = step.end && (this.#world.clock.now() + step.end * MINUTE) / 1000;
    const succeeded = async (answer: Promise<Answer>) => (await answer).status < 300;

    if (step.what === "createRole") return succeeded(call("POST", "/roles", { statement, rules: rulesOf(step) }));
    if (step.what === "updateRole")
      return succeeded(call("PATCH", `/roles/${role}`, { statement, rules: rulesOf(step) }));
    if (step.what === "deleteRole") return step.hand % 3 === 0 && succeeded(call("DELETE", `/roles/${role}`, {}));
    if (step.what === "createUser") return succeeded(call("POST", "/users", { role, description: { company } }));
    if (step.what === "giveRole") return succeeded(call("PATCH", `/users/${user}`, { role }));
    if (step.what === "describe") return succeeded(call("PATCH", `/users/${user}`, { description: { company } }));
    if (step.what === "deleteUser") return step.hand % 4 === 0 && succeeded(call("DELETE", `/users/${user}`, {}));
    if (step.what === "deleteSecret")
      return step.hand % 3 === 0 && succeeded(call("DELETE", `/users/${user}/secrets`, {}));
    if (step.what === "redeem") return this.#redeem(step.user);
    if (step.what === "pin") {
      const { status, body } = await call("POST", `/users/${user}/secrets`, { validity_ts });
      if (status === 201) this.#pins.push({ pin: body.pin, maker: by, user });
      if (status === 201 && by !== this.#provenance.admin && user !== by.user) this.#lately = user;
      return status === 201 && (step.bound ? true : this.#redeem(-1));
    }
    if (step.what === "prolong") {
      const { status, body } = await call("PATCH", `/users/${user}/secrets`, { validity_ts: validity_ts ?? null });
      if (status === 200) this.#provenance.settleEnd(by, user, endOf(body));
      return status === 200;
    }
    if (step.what === "token") {
      const { status, body } = await call("POST", "/token", { options, secret_dict: dictionary, validity_ts });
      if (status === 201) await this.#provenance.handToken(by, body.token, options, dictionary, endOf(body));
      return status === 201;
    }
    const { status, body } = await call("POST", "/token/refresh", { validity_ts });
    if (status === 201) by.hands.push(body.token);
    return status === 201;
  }

  /**
   * Any user and role, or those where mistakes are likely: the caller's own role, users with that role, and the user of
   * the latest PIN.
   */
  #aim(by: Person, { what, byAdmin, hand, ...step }: Step): { user: string; role: string } {
    const any = { user: pick(this.#ids("users"), step.user), role: pick(this.#ids("roles"), step.role) };
    if (hand % 4 === 0) return any;
    if (byAdmin) {
      if (this.#lately === undefined) return any;
      return { user: this.#lately, role: what === "updateRole" ? this.#roleOf(this.#lately) : any.role };
    }
    const own = by.user ? this.#roleOf(by.user) : any.role;
    const roles = new Set(this.#ids("roles"));
    // A user without a role is a peer of every caller that may assign one.
    const isPeer = (role: string) => (hand % 4 === 1 ? !roles.has(role) : role === own);
    const peers = this.#ids("users").filter((user) => user !== by.user && isPeer(this.#roleOf(user)));
    return { user: peers.length > 0 ? pick(peers, step.user) : any.user, role: own };
  }

  /** PINs are redeemed by their makers; the administrator's by the users that they are for. */
  async #redeem(which: number): Promise<boolean> {
    const [waiting] = this.#pins.splice(which < 0 ? which : which % Math.max(1, this.#pins.length), 1);
    if (!waiting) return false;
    const { status, body } = await this.#world.call("POST", `/secrets/${this.#account}/${waiting.pin}`);
    if (status !== 201) return false;
    if (waiting.maker === this.#provenance.admin) this.#provenance.hand(waiting.user, body.secret, endOf(body));
    else waiting.maker.hands.push(body.secret);
    return true;
  }

  #roleOf(user: string): string {
    const row = this.#world.store.read((reader) => reader.get("SELECT role_id FROM users WHERE id = ?", user));
    return String(row?.["role_id"] ?? pick(this.#ids("roles"), 0));
  }

  #ids(table: "users" | "roles"): string[] {
    return this.#world.store
      .read((reader) => reader.all(`SELECT id FROM ${table} ORDER BY created_at, rowid`))
      .map(({ id }) => String(id));
  }
}

const endOf = ({ validity_ts }: { validity_ts: number | null }) =>
  validity_ts === null ? Infinity : validity_ts * 1000;

test("no user ends up with more rights, or longer, than another user who had them gave", async () => {
  const done = new Map<string, number>();
  const count = tries(10);
  const colleagues = fc.array(fc.record({ ...bodies, end: fc.constantFrom(undefined, 30) }), {
    minLength: 2,
    maxLength: 3,
  });
  const property = fc.asyncProperty(
    colleagues,
    fc.array(steps, { minLength: 20, maxLength: 60 }),
    async (first, rest) => {
      await using world = await openWorld({ log: "silent" });
      const admin = await world.createAccount();
      const story = new Story(world, admin);
      const still = { byAdmin: true, by: 0, hand: 0 };
      for (const [i, one] of first.entries()) {
        await story.take({ ...still, ...one, what: "createRole", user: 0, role: 0 });
        await story.take({ ...still, ...one, what: "createUser", user: 0, role: i + 1 });
        await story.take({ ...still, ...one, what: "pin", bound: false, user: i + 1, role: 0 });
      }
      for (const step of rest) await story.take(step);
      for (const [what, times] of story.done) done.set(what, (done.get(what) ?? 0) + times);
      expectConsistent(world.dataDir);
    },
  );
  await fc.assert(property, { numRuns: count });
  // Every kind of step must have succeeded at least once.
  for (const what of ["giveRole", "pin", "prolong", "token"])
    expect([what, done.get(what) ?? 0]).not.toEqual([what, 0]);
}, 600_000);
