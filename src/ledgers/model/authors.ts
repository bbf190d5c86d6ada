import type { UserActor } from "../../kernel/actor.ts";
import type { JsonText } from "../../kernel/json-text.ts";
import { type Author, authorOf, UNKNOWN_AUTHOR } from "../../policy/author.ts";
import type { Authors } from "../../policy/rows.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { Entry } from "./entry.ts";

type Properties = Pick<Entry, "visibility" | "publish">;

/**
 * Authors of an entry's parts after a change by the caller. Unchanged parts keep their author: clients send back whole
 * entries as they received them, with rules that others wrote, and those must not gain the caller's rights.
 */
export function authorsOf(
  tx: Tx,
  actor: UserActor,
  before: Entry | undefined,
  { visibility, publish, include }: Properties & { include: boolean | "again" },
): Authors | null {
  const author = authorOf(actor);
  const known = before?.authors;
  const authors: Authors = {
    ...(visibility !== null && {
      visibility: visibility === before?.visibility ? visibilityIn(before) : { ...author, since: tx.now },
    }),
    ...(publish !== null && {
      publish: publish === before?.publish ? publishersIn(before) : publishers(author, publish, before),
    }),
    ...(include && { include: include === "again" ? (known?.include ?? UNKNOWN_AUTHOR) : author }),
  };
  return Object.keys(authors).length === 0 ? null : authors;
}

const visibilityIn = ({ authors, updatedAt }: Entry) => authors?.visibility ?? { ...UNKNOWN_AUTHOR, since: updatedAt };

type Publishers = NonNullable<Authors["publish"]>;

const publishersIn = ({ authors }: Entry): Publishers => authors?.publish ?? [UNKNOWN_AUTHOR];

/** Unchanged topics keep their authors, each listed with its topics; the caller is the author of the rest. */
function publishers(author: Author, publish: JsonText, before: Entry | undefined): Publishers {
  const old: Record<string, string> = before?.publish ? JSON.parse(before.publish) : {};
  const stay = Object.entries<string>(JSON.parse(publish)).filter(
    ([topic, rule]) => Object.hasOwn(old, topic) && old[topic] === rule,
  );
  const authorOfOld = before && publisherIn(before);
  const byAuthor = new Map<string, Author & { topics: string[] }>();
  for (const [topic] of stay) {
    const { topics: _, ...old }: Publishers[number] = authorOfOld?.(topic) ?? UNKNOWN_AUTHOR;
    if (old.by === author.by) continue;
    const key = `${old.by} ${old.bound}`;
    const share = byAuthor.get(key) ?? { ...old, topics: [] };
    share.topics.push(topic);
    byAuthor.set(key, share);
  }
  return [...byAuthor.values(), author];
}

/** Returns a function from a topic to the author of its publishing rule. */
export function publisherIn(entry: Entry): (topic: string) => Author {
  const shares = publishersIn(entry);
  const rest = shares.at(-1) ?? UNKNOWN_AUTHOR;
  if (shares.length < 2) return () => rest;
  const named = new Map(shares.flatMap((share) => share.topics?.map((topic) => [topic, share] as const) ?? []));
  return (topic) => named.get(topic) ?? rest;
}
