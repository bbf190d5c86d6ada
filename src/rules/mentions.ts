import { type Rule, variablesOf } from "./rule.ts";
import { parse } from "./syntax/parser.ts";
import type { Node } from "./syntax/syntax.ts";
import { attributeOf } from "./values/attributes.ts";
import { readText } from "./values/literals.ts";

/** Which members of a variable a text names; "all" if it looks at the variable as a whole, so that any member may count. */
export type Mentions = ReadonlySet<string> | "all";

const NONE: Mentions = new Set<string>();

const known = new WeakMap<Rule, Map<string, Mentions>>();

/** What a rule names of a variable: `LEDGER.a`, `LEDGER['a']` and `'a' in LEDGER` name `a`. */
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
  /** Answers false where the whole is looked at. */
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

/** The member that a node names by a text of its own. An attribute such as `length` is of the whole, unless a member has its name. */
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
