import { type Rule, variablesOf } from "./rule.ts";
import { parse } from "./syntax/parser.ts";
import type { Node } from "./syntax/syntax.ts";
import { attributeOf } from "./values/attributes.ts";
import { readText } from "./values/literals.ts";

/**
 * The members of a variable that a text names; "all" if it uses the variable as a whole, so that any member may matter.
 */
export type Mentions = ReadonlySet<string> | "all";

const NONE: Mentions = new Set<string>();

const known = new WeakMap<Rule, Map<string, Mentions>>();

/** The members of a variable that a rule names: `LEDGER.a`, `LEDGER['a']` and `'a' in LEDGER` name `a`. */
export function mentionsOf(rule: Rule, variable: string): Mentions {
  if (!variablesOf(rule).has(variable)) return NONE;
  const ofRule = known.get(rule) ?? new Map<string, Mentions>();
  known.set(rule, ofRule);
  const mentions = ofRule.get(variable) ?? mentionsIn(parse(rule.text), variable);
  ofRule.set(variable, mentions);
  return mentions;
}

function mentionsIn(tree: Node, variable: string): Mentions {
  const names = new Set<string>();
  const isVariable = (node: Node) => node.kind === "variable" && node.name === variable;
  /** Returns false if the variable is used as a whole. */
  const visit = (node: Node): boolean => {
    const named = namedBy(node, isVariable);
    if (named !== undefined) {
      names.add(named);
      return true;
    }
    return !isVariable(node) && childrenOf(node).every(visit);
  };
  return visit(tree) ? names : "all";
}

/**
 * The member that a node names by a literal text. An attribute such as `length` uses the whole variable, unless a
 * member has that name.
 */
function namedBy(node: Node, isVariable: (node: Node) => boolean): string | undefined {
  if (node.kind === "attribute" && isVariable(node.object)) {
    return attributeOf("mapping", node.name) ? undefined : node.name;
  }
  if (node.kind === "item" && isVariable(node.object) && node.item.kind === "text") return readText(node.item.text);
  if (node.kind !== "binary" || (node.operator !== "in" && node.operator !== "not in")) return undefined;
  return isVariable(node.right) && node.left.kind === "text" ? readText(node.left.text) : undefined;
}

const childrenOf = (node: Node): Node[] =>
  Object.values(node)
    .flat(2)
    .filter((part): part is Node => typeof part === "object" && part !== null && "kind" in part);
