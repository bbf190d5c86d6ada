import { expect } from "bun:test";
import { ACTIONS, type Action, UNGOVERNED_ACTIONS } from "../../src/access/model/actions.ts";
import { Authenticator, credentialFrom } from "../../src/access/model/authenticate.ts";
import { permits } from "../../src/access/model/statement.ts";
import type { Statement, UserActor } from "../../src/kernel/actor.ts";
import { DomainError } from "../../src/kernel/failure.ts";
import type { Caller, Json, World } from "../support/world/world.ts";

// A record of who was given what, kept outside the server and independent of its decisions. People hold credentials,
// and cheat: the maker of a PIN redeems it. Only the administrator passes PINs on to the users that they are for.

/** The one rule that binds roles here: its users may access things of their own company. */
export const RULE = "TWIN.company == USER.company";

const GOVERNED = ACTIONS.filter((action) => !(UNGOVERNED_ACTIONS as readonly string[]).includes(action));
/** With an action that does not exist yet: `deny` statements permit it. */
const WITH_NEXT_YEARS = [...GOVERNED, "an_action_of_next_year" as Action];

/** An action with its reach: everything (`*`), or the things of one company. */
type Right = `${string} ${string}`;

export type Person = {
  name: string;
  /** Their user, if they have one. */
  user?: string;
  hands: string[];
  given: Set<Right>;
  until: number;
  /** For holders of a token: its options and its dictionary. */
  token?: { options: string[]; dictionary: Record<string, Json> };
};

export class Provenance {
  readonly people: Person[] = [];
  readonly #world: World;
  readonly #authenticator: Authenticator;
  readonly #account: string;

  constructor(world: World, admin: Caller) {
    this.#world = world;
    this.#authenticator = new Authenticator(world.deps);
    this.#account = admin.account;
    this.add({
      name: "admin",
      user: admin.user,
      hands: [admin.authorization],
      given: this.#rightsOfUser(admin.user),
      until: Infinity,
    });
  }

  get admin(): Person {
    return this.people[0] as Person;
  }

  add(person: Person): Person {
    this.people.push(person);
    return person;
  }

  /** The actor of a credential at this moment; undefined if it is not valid any more. */
  async actorOf(hand: string): Promise<UserActor | undefined> {
    try {
      return await this.#authenticator.authenticate(credentialFrom(hand));
    } catch (error) {
      if (error instanceof DomainError && error.failure.code === "unauthenticated") return undefined;
      throw error;
    }
  }

  /** A secret for a user, from the administrator or the operator, who have all rights. */
  hand(user: string, secret: string, until: number): void {
    const owner =
      this.people.find((person) => person.user === user) ??
      this.add({ name: `colleague ${this.people.length}`, user, hands: [], given: new Set(), until });
    owner.hands.push(secret);
    owner.until = Math.max(owner.until, until);
    this.#give(this.admin, owner);
  }

  /** A token, given to a stranger. */
  async handToken(
    giver: Person,
    hand: string,
    options: string[],
    dictionary: Record<string, Json>,
    until: number,
  ): Promise<void> {
    const actor = await this.actorOf(hand);
    expect(until, `${giver.name} gives a token for longer than they have`).toBeLessThanOrEqual(giver.until);
    this.add({
      name: `guest ${this.people.length}`,
      hands: [hand],
      given: actor ? this.#rightsOf(actor) : new Set(),
      // A refreshable one is given for as long as the secret lasts.
      until: options.includes("refresh") ? giver.until : until,
      token: { options, dictionary: { ...dictionary, ...giver.token?.dictionary } },
    });
  }

  /** Called after an action of `by`: users whose rights grew were given them by `by`, who must have had them. */
  settle(by: Person): void {
    for (const person of this.people) if (person.user) this.#give(by, person);
  }

  /** Called after `by` changed the end of a user's secret. */
  settleEnd(by: Person, user: string, end: number): void {
    const owner = this.people.find((person) => person.user === user);
    if (!owner || owner === by || end <= owner.until) return;
    expect(end, `${by.name} prolongs a secret for longer than they have`).toBeLessThanOrEqual(by.until);
    owner.until = end;
  }

  /** No credential permits more, or lasts longer, than its holder was given. */
  async assertLaw(): Promise<void> {
    for (const person of this.people) {
      for (const hand of person.hands) {
        const actor = await this.actorOf(hand);
        if (!actor) continue;
        const { name, given, until, token } = person;
        expect(excess(this.#rightsOf(actor), given), `${name} has more than they were given`).toEqual([]);
        expect(actor.expiresAt ?? Infinity, `${name} has it longer`).toBeLessThanOrEqual(until);
        if (token) this.#assertToken(name, token, actor);
      }
    }
  }

  #assertToken(name: string, given: NonNullable<Person["token"]>, actor: UserActor): void {
    if (!actor.token) {
      expect(given, `${name} has a secret, and was given less than one`).toEqual({
        options: expect.arrayContaining(["create", "refresh"]),
        dictionary: {},
      });
      return;
    }
    expect(
      actor.token.options.filter((option) => !given.options.includes(option)),
      `${name} has other options`,
    ).toEqual([]);
    const [row] = this.#query("SELECT secret_dict FROM user_tokens WHERE id = ?", actor.token.id);
    expect(JSON.parse(row.secret_dict) ?? {}, `${name} has another dictionary`).toMatchObject(given.dictionary);
  }

  /** Through the server's own snapshot: a connection of its own would take most of the test's time. */
  #query(sql: string, ...binds: string[]): Json[] {
    return this.#world.store.read((reader) => reader.all(sql, ...binds));
  }

  #give(by: Person, person: Person): void {
    const more = excess(this.#rightsOfUser(person.user as string), person.given);
    expect(excess(new Set(more), by.given), `${by.name} gives ${person.name} what they never had`).toEqual([]);
    for (const right of more) person.given.add(right);
  }

  #rightsOfUser(user: string): Set<Right> {
    const [row] = this.#query(
      `SELECT r.effect, r.actions, r.twin_rule, u.description ->> '$.company' AS company
       FROM users u JOIN roles r ON r.id = u.role_id WHERE u.id = ? AND u.account_id = ?`,
      user,
      this.#account,
    );
    return row
      ? rights({ effect: row.effect, actions: JSON.parse(row.actions) }, row.twin_rule, row.company)
      : new Set();
  }

  #rightsOf({ statement, rules, userId }: UserActor): Set<Right> {
    const [row] = this.#query("SELECT description ->> '$.company' AS company FROM users WHERE id = ?", userId);
    return statement ? rights(statement, rules.twin, row.company) : new Set();
  }
}

function rights(statement: Statement, rule: string | null, company: string | null): Set<Right> {
  const reach = rule === null ? "*" : `company-${company}`;
  return new Set(
    WITH_NEXT_YEARS.filter((action) => permits(statement, action)).map((action): Right => `${action} ${reach}`),
  );
}

const excess = (held: Set<Right>, given: Set<Right>) =>
  [...held].filter((right) => !given.has(right) && !given.has(`${right.split(" ")[0]} *`));
