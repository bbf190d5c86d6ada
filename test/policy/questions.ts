import type { Json } from "../support/world/world.ts";
import type { Entry, Identity, Model, Person, Twin } from "./build-world.ts";
import { isExpired, matches, seenEntries, seenThrough, seesIdentity, seesRecord, seesTwin } from "./naive.ts";
import { ENTRY_NAMES, IDENTITY_NAMES } from "./random-world.ts";
import type { Rule } from "./rule-pool.ts";

// All requests that a person can make, with the full expected answer. NOT_FOUND stands for the status.

export const NOT_FOUND = "not found";
const NOT_ACCESSIBLE = "Entry not accessible.";

type Question = { path: string; answer: Json };

const BOOLEANS = [true, false];

export function* questionsOf(model: Model, person: Person): Generator<Question> {
  yield* scans(model, person);
  yield* resolutions(model, person);
  for (const twin of model.twins) {
    yield* aboutTwin(model, person, twin);
    yield* aboutIdentities(model, person, twin);
    yield* aboutLedgers(model, person, twin);
  }
}

const seconds = (instant: number | null) => instant && instant / 1000;

const viewTwin = ({ id, owner, description, createdAt, updatedAt, terminatedAt }: Twin): Json => ({
  owner,
  status: terminatedAt ? "terminated" : "alive",
  updated_ts: seconds(updatedAt),
  ...(description && { description }),
  creation_certificate: { uuid: id, created_ts: seconds(createdAt), creator: owner },
  ...(terminatedAt && { termination_certificate: { issuer: owner, terminated_ts: seconds(terminatedAt) } }),
});

function* aboutTwin(model: Model, person: Person, twin: Twin): Generator<Question> {
  const answer = seesTwin(model, person, twin) ? viewTwin(twin) : NOT_FOUND;
  yield { path: `/twins/${twin.id}`, answer };
  yield { path: `/twins/${twin.id}?show_terminated=True`, answer };
  yield { path: `/twins/${twin.id}?show_terminated=False`, answer: twin.terminatedAt ? NOT_FOUND : answer };
}

function* scans(model: Model, person: Person): Generator<Question> {
  const own = model.twins.filter(({ owner }) => owner === person.account);
  const page = (twins: Json[]) => ({ cursor: null, twins });
  yield { path: "/twins", answer: page(own.map(({ id }) => id)) };
  const seen = own.filter((twin) => seesTwin(model, person, twin));
  yield { path: "/twins?details=true", answer: page(seen.map(viewTwin)) };
  for (const match of rulesIn(model)) {
    const found = seen.filter((twin) => matches(model, person, twin, match));
    const query = `match=${encodeURIComponent(match.text)}`;
    yield { path: `/twins?${query}`, answer: page(found.map(({ id }) => id)) };
    yield { path: `/twins?${query}&details=true`, answer: page(found.map(viewTwin)) };
  }
}

/** Some rules of the world, used as a match. */
const rulesIn = ({ identities, entries }: Model): Rule[] =>
  [...identities, ...entries].flatMap(({ visibility }) => visibility ?? []).slice(0, 6);

function* resolutions(model: Model, person: Person): Generator<Question> {
  const contexts: [string, string[]][] = [
    ["", [person.account]],
    ["personal", [person.account]],
    ["system", model.accounts],
    ...model.accounts.map((account): [string, string[]] => [account, [account]]),
    [model.accounts.slice(0, 2).join(), model.accounts.slice(0, 2)],
  ];
  for (const name of IDENTITY_NAMES) {
    for (const [context, accounts] of contexts) {
      const leads = model.identities.filter(
        (identity) =>
          identity.name === name &&
          accounts.includes(identity.account) &&
          !isExpired(model, identity) &&
          seesIdentity(model, person, twinOf(model, identity), identity),
      );
      const twins = [...new Set(leads.map((identity) => twinOf(model, identity)))];
      const path = `/resolve/${encodeURIComponent(name)}?${context && `context=${context}&`}details=`;
      yield { path: `${path}false`, answer: { twins: twins.map(({ id }) => id) } };
      const seen = twins.filter((twin) => seesTwin(model, person, twin));
      yield { path: `${path}true`, answer: { twins: seen.map(viewTwin) } };
    }
  }
}

const twinOf = ({ twins }: Model, { twin }: Identity) => twins.find(({ id }) => id === twin) as Twin;

function* aboutIdentities(model: Model, person: Person, twin: Twin): Generator<Question> {
  const path = `/twins/${twin.id}/identities`;
  const found = seesTwin(model, person, twin);
  const all = model.identities.filter((identity) => identity.twin === twin.id);
  // Oldest first, so that of several foreign identities with one name it is defined which one is shown.
  all.sort((a, b) => a.createdAt - b.createdAt);
  const seen = all.filter((identity) => seesIdentity(model, person, twin, identity));

  for (const filter of identityFilters(model)) {
    const shown = seen.filter((identity) => {
      const own = identity.account === person.account;
      if (own ? !filter.personal : filter.foreign !== true && filter.foreign !== identity.account) return false;
      if (identity.visibility ? !filter.public : !filter.private) return false;
      return isExpired(model, identity) ? filter.expired : filter.valid;
    });
    const named = (name: string) =>
      shown.find((identity) => identity.name === name && identity.account === person.account) ??
      shown.find((identity) => identity.name === name);
    const identities = IDENTITY_NAMES.flatMap((name) => {
      const identity = named(name);
      return identity ? [[name, viewIdentity(identity)]] : [];
    });
    const query = Object.entries(filter).map(([name, value]) => `show_${name}=${value}`);
    yield {
      path: `${path}?${query.join("&")}`,
      answer: found ? { identities: Object.fromEntries(identities) } : NOT_FOUND,
    };
  }
  for (const name of IDENTITY_NAMES) {
    const identity = seen.find((other) => other.name === name && other.account === person.account);
    const answer = found && identity ? viewOwnIdentity(identity) : NOT_FOUND;
    yield { path: `${path}/${encodeURIComponent(name)}`, answer };
  }
}

let turn = 0;

/** All combinations are used, a few for each person. */
function identityFilters({ accounts }: Model) {
  const [first = "", , last = ""] = accounts;
  const all = [false, true, first, last].flatMap((foreign) =>
    BOOLEANS.flatMap((personal) =>
      BOOLEANS.flatMap((expired) =>
        BOOLEANS.flatMap((valid) =>
          BOOLEANS.flatMap((isPublic) =>
            BOOLEANS.map((isPrivate) => ({ foreign, personal, expired, valid, public: isPublic, private: isPrivate })),
          ),
        ),
      ),
    ),
  );
  const everything = { foreign: true, personal: true, expired: true, valid: true, public: true, private: true };
  return [everything, ...Array.from({ length: 7 }, () => all[turn++ % all.length] ?? everything)];
}

const viewIdentity = ({ createdAt, updatedAt, expiresAt }: Identity) => ({
  validity_ts: seconds(expiresAt),
  created_ts: seconds(createdAt),
  updated_ts: seconds(updatedAt),
});

const viewOwnIdentity = ({ account, name, createdAt, updatedAt, expiresAt, visibility }: Identity) => ({
  validity_ts: seconds(expiresAt),
  visibility: visibility?.text ?? null,
  updated_ts: seconds(updatedAt),
  creation_certificate: { created_ts: seconds(createdAt), creator: account, identity: name },
});

function* aboutLedgers(model: Model, person: Person, twin: Twin): Generator<Question> {
  const aliases: [string, string][] = [
    ["personal", person.account],
    ["owner", twin.owner],
    ["creator", twin.owner],
    ...model.accounts.map((account): [string, string] => [account, account]),
  ];
  for (const [alias, account] of aliases) {
    const path = `/twins/${twin.id}/ledgers/${alias}`;
    const own = account === person.account;
    const found = seesTwin(model, person, twin);
    const seen = found ? seenEntries(model, person, twin, account) : [];
    const ask = (query: string, answer: Json): Question => ({ path: path + query, answer: found ? answer : NOT_FOUND });

    yield ask("", viewLedger(model, person, seen, own));
    const hidden = ["references", "public", "private"][turn++ % 3];
    const shown = (entry: Entry) =>
      !own || (hidden === "references" ? entry.kind !== "reference" : !entry.visibility === (hidden === "public"));
    yield ask(`?show_${hidden}=false`, viewLedger(model, person, seen.filter(shown), own));
    const names = [ENTRY_NAMES[turn++ % 4] ?? "a", "b", "z"];
    const named = (of: Entry[]) => names.flatMap((name) => of.find((entry) => entry.name === name) ?? []);
    const unseen = names.filter((name) => !seen.some((entry) => entry.name === name));
    const refused = Object.fromEntries(unseen.map((name) => [name, { error: NOT_ACCESSIBLE }]));
    const some = `?entries=${names.join()}`;
    yield ask(some, viewLedger(model, person, named(seen), own, refused));
    yield ask(`${some}&show_${hidden}=false`, viewLedger(model, person, named(seen.filter(shown)), own, refused));
    yield ask("/value", { entries: members(seen, (entry) => viewValue(model, person, entry)) });
    yield ask(`/value${some}`, {
      entries: { ...members(named(seen), (entry) => viewValue(model, person, entry)), ...refused },
    });

    const kept = seen.filter(({ records }) => records !== null);
    yield ask("/history", { entries: members(kept, (entry) => viewRecords(model, person, twin, entry)) });
    const texts = Object.fromEntries(unseen.map((name) => [name, NOT_ACCESSIBLE]));
    const { createdAt } = twin;
    const [ge, le] = [createdAt + 40_000, createdAt + 80_000];
    yield ask(`/history${some}&ge=${seconds(ge)}&le=${seconds(le)}&limit=1`, {
      entries: {
        ...members(named(seen), (entry) => viewRecords(model, person, twin, entry, { ge, le, limit: 1 })),
        ...texts,
      },
    });
  }
}

const members = (entries: Entry[], view: (entry: Entry) => Json) =>
  Object.fromEntries(entries.map((entry) => [entry.name, view(entry)]));

const timesOf = (model: Model, person: Person, entry: Entry) => ({
  entry_created_ts: seconds(entry.createdAt),
  entry_updated_ts: seconds(entry.createdAt),
  value_changed_ts: seconds(seenThrough(model, person, entry).changedAt),
});

const viewValue = (model: Model, person: Person, entry: Entry) => ({
  value: seenThrough(model, person, entry).value,
  ...timesOf(model, person, entry),
});

function viewLedger(model: Model, person: Person, shown: Entry[], own: boolean, refused: Json = {}): Json {
  const times = shown.map((entry) => timesOf(model, person, entry));
  const latest = (key: keyof ReturnType<typeof timesOf>) => Math.max(...times.map((time) => time[key] as number));
  const ofLedger = {
    entry_created_ts: latest("entry_created_ts"),
    entry_updated_ts: latest("entry_updated_ts"),
    value_changed_ts: latest("value_changed_ts"),
  };
  const view = (entry: Entry) => {
    const { source, kind, visibility, records } = entry;
    return {
      ...viewValue(model, person, entry),
      ...(own && { visibility: visibility?.text ?? null }),
      ...(own && records && { history: "INF" }),
      ...(kind === "include" && { include: { source: `twin://${source?.twin}/${source?.name}` } }),
      ...(kind === "reference" && {
        ref: { source: `twin://${source?.twin}/${source?.account}/${source?.name}`, status: "not_found" },
      }),
    };
  };
  return { ...(shown.length > 0 && ofLedger), entries: { ...members(shown, view), ...refused } };
}

function viewRecords(model: Model, person: Person, twin: Twin, entry: Entry, range = {}) {
  const { ge, le, limit } = { ge: 0, le: Number.POSITIVE_INFINITY, limit: 100, ...range };
  const within = (entry.records ?? []).filter(
    ({ at, value }) => at >= ge && at <= le && seesRecord(model, person, twin, entry, value),
  );
  const newest = within.reverse().slice(0, limit);
  return Object.fromEntries(newest.map(({ at, value }) => [(at / 1000).toFixed(1), value]));
}
