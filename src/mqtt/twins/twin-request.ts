/** A request about a document, as its topic says it. The name may be none: that is answered, not dropped. */
export type TwinRequest = { topic: string; twin: string; name: string; method: "get" | "put" | "patch" };

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const TWIN_REQUEST = new RegExp(`^\\$SCW/twins/(me|${UUID})/([^/]*)/(get|put|patch)$`);

/** The twin request of a topic (specification 3.1). Undefined for every other topic, those of answers included. */
export function twinRequestOf(topic: string): TwinRequest | undefined {
  if (!topic.startsWith("$SCW/twins/")) return undefined;
  const [, twin, name, method] = TWIN_REQUEST.exec(topic) ?? [];
  if (twin === undefined || name === undefined) return undefined;
  return { topic, twin, name, method: method as TwinRequest["method"] };
}
