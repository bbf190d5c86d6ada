/** A document request, parsed from its topic. The name may be empty: that is answered with an error, not ignored. */
export type TwinRequest = { topic: string; twin: string; name: string; method: "get" | "put" | "patch" };

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const TWIN_REQUEST = new RegExp(`^\\$SCW/twins/(me|${UUID})/([^/]*)/(get|put|patch)$`);

/** Parses a twin request's topic (specification 3.1). Undefined for every other topic, response topics included. */
export function twinRequestOf(topic: string): TwinRequest | undefined {
  if (!topic.startsWith("$SCW/twins/")) return undefined;
  const [, twin, name, method] = TWIN_REQUEST.exec(topic) ?? [];
  if (twin === undefined || name === undefined) return undefined;
  return { topic, twin, name, method: method as TwinRequest["method"] };
}
