import type { Answer, Caller, Json } from "./world.ts";

/** The next page that a response links to: a path and query, resolved as a client would. */
export function nextOf({ headers }: Answer, path = "/users"): string | undefined {
  const [, reference] = /^<([^>]*)>; rel="next"$/.exec(headers.get("link") ?? "") ?? [];
  if (reference === undefined) return undefined;
  const url = new URL(reference, `http://twinpost.test${path}`);
  return url.pathname + url.search;
}

/** The bodies of all pages of a list. */
export async function allPages(caller: Pick<Caller, "call">, path: string): Promise<Json[]> {
  const pages: Json[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer: Answer = await caller.call("GET", next);
    if (answer.status !== 200) throw new Error(`${next} is answered ${answer.status}`);
    pages.push(answer.body);
    if (pages.length > 1000) throw new Error("the list has no end");
    next = nextOf(answer, next);
  }
  return pages;
}
