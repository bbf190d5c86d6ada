import { parse } from "./parser.ts";
import type { Node } from "./syntax.ts";

/** Attributes that say something of a mapping as a whole, unless it has a key of that name. */
const OF_THE_WHOLE = new Set(["keys", "values", "length", "is_empty"]);

/**
 * The keys of a mapping variable that a rule reads: `["company"]` for `TWIN.company == USER.company` and USER. Null if its text does not
 * tell them (`USER[DICT.key]`). The rule has to compile.
 */
export function keysRead(rule: string, variable: string): string[] | null {
  const keys = new Set<string>();
  const pending: Node[] = [parse(rule)];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (node.kind === "variable" && node.name === variable) return null;
    if (node.kind === "attribute" && node.object.kind === "variable" && node.object.name === variable) {
      if (OF_THE_WHOLE.has(node.name)) return null;
      keys.add(node.name);
    } else pending.push(...childrenOf(node));
  }
  return [...keys].sort();
}

const childrenOf = (node: Node): Node[] => Object.values(node).flat(2).filter(isNode);

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "kind" in value;
