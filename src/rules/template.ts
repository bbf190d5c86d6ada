import { invalid } from "../kernel/failure.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { Mentions } from "./mentions.ts";
import type { Scope } from "./values/frame.ts";
import { TEXT_LENGTH_MAX } from "./values/limits.ts";
import { codePointLength } from "./values/text.ts";

// Templates (2.14): the fields of Python's str.format, of which only names, `.key` and `[key]` are supported.

/** Literal text, or the path to a value: a variable's name, then keys. */
type Part = string | { variable: string; keys: string[] };

declare const compiled: unique symbol;
/** A compiled template. */
export type Template = { readonly text: string; readonly [compiled]: true };
type Compiled = { readonly text: string; readonly parts: readonly Part[] };

const PIECE = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
const FIELD = /^([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[^[\]]+\])*)$/;
const KEY = /\.([^.[\]]+)|\[([^\]]+)\]/g;

/** Compiles a template, or refuses it: invalid/"rule", with what is wrong and at which character, counted from 1. */
export function compileTemplate(text: string): Template {
  if (text.length > 2 * TEXT_LENGTH_MAX || codePointLength(text) > TEXT_LENGTH_MAX) {
    throw invalid("rule", `The template is longer than ${TEXT_LENGTH_MAX} characters.`);
  }
  if (!text.isWellFormed()) throw invalid("rule", "The template is not well-formed text.");
  const parts: Part[] = [];
  for (const piece of text.matchAll(PIECE)) {
    const [all, field] = piece;
    const refuse = (message: string) => {
      const character = codePointLength(text.slice(0, piece.index)) + 1;
      return invalid("rule", `The template does not compile: ${message} (at character ${character}).`);
    };
    if (all === "{" || all === "}") throw refuse(`the brace ${all} is unbalanced; double a literal brace`);
    if (all === "{{" || all === "}}") parts.push(all[0] as string);
    else if (field === undefined) parts.push(all);
    else parts.push(parseField(field, refuse));
  }
  return Object.freeze({ text, parts }) as unknown as Template;
}

function parseField(field: string, refuse: (message: string) => Error): Part {
  const [, variable, path] = FIELD.exec(field) ?? [];
  if (variable === undefined || path === undefined) {
    const outside = field.replace(/\[[^\]]*\]/g, "");
    throw refuse(
      /[!:]/.test(outside) ? "conversions and formats are not supported" : `${quoted(field)} names no variable`,
    );
  }
  return { variable, keys: Array.from(path.matchAll(KEY), ([, dotted, bracketed]) => (dotted ?? bracketed) as string) };
}

/** The members of a variable that a template names; "all" if it writes the variable itself. */
export function mentionsInTemplate(template: Template, variable: string): Mentions {
  const fields = (template as unknown as Compiled).parts.filter(
    (part) => typeof part !== "string" && part.variable === variable,
  ) as Exclude<Part, string>[];
  const names = fields.flatMap(({ keys }) => keys[0] ?? []);
  return names.length === fields.length ? new Set(names) : "all";
}

const quoted = (field: string) => `{${field}}`;

function fieldValue({ variable, keys }: Exclude<Part, string>, scope: Scope): JsonValue | undefined {
  let value = scope(variable);
  for (const key of keys) {
    if (typeof value !== "object" || value === null) return undefined;
    if (Array.isArray(value)) value = /^[0-9]+$/.test(key) ? value[Number(key)] : undefined;
    else value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

const render = (template: Template, scope: Scope, write: (value: JsonValue | undefined) => string): string =>
  (template as unknown as Compiled).parts
    .map((part) => (typeof part === "string" ? part : write(fieldValue(part, scope))))
    .join("");

/** Plain text, for names: texts unchanged, other values as JSON, missing or null values as nothing. */
export const renderName = (template: Template, scope: Scope): string =>
  render(template, scope, (value) =>
    typeof value === "string" ? value : (value ?? null) === null ? "" : JSON.stringify(value),
  );

/** JSON text: values as JSON, missing ones as null; a template of one field is a typed value. */
export const renderValue = (template: Template, scope: Scope): string =>
  render(template, scope, (value) => JSON.stringify(value ?? null));
