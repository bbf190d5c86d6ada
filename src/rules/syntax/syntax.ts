/** The syntax tree. `at` is the UTF-16 offset that errors point to; `height` counts this level and those below. */
export type Node = { at: number; height: number } & (
  | { kind: "number" | "text" | "bytes" | "datetime" | "duration"; text: string }
  | { kind: "constant"; value: null | boolean }
  | { kind: "variable"; name: string }
  | { kind: "builtin"; name: string }
  | { kind: "array" | "set"; members: Node[] }
  | { kind: "mapping"; entries: [Node, Node][] }
  | { kind: "comprehension"; result: Node; variable: string; iterable: Node; condition: Node | undefined }
  | { kind: "attribute"; object: Node; name: string; safe: boolean }
  | { kind: "item"; object: Node; item: Node; safe: boolean }
  | { kind: "slice"; object: Node; start: Node | undefined; stop: Node | undefined; safe: boolean }
  | { kind: "call"; callee: Node; args: Node[] }
  | { kind: "not" | "minus"; operand: Node }
  | { kind: "choice"; condition: Node; yes: Node; no: Node }
  | { kind: "binary"; operator: BinaryOperator; left: Node; right: Node }
);

export type BinaryOperator =
  | "or"
  | "and"
  | "|"
  | "^"
  | "&"
  | "in"
  | "not in"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | RegexOperator
  | "+"
  | "-"
  | "<<"
  | ">>"
  | "*"
  | "/"
  | "//"
  | "%"
  | "**";

export type RegexOperator = "=~" | "=~~" | "!~" | "!~~";
export type NodeOf<K extends Node["kind"]> = Extract<Node, { kind: K }>;
