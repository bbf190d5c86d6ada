declare const checked: unique symbol;

/** Well-formed JSON as text. What is kept as it came is answered and recorded without being parsed on the way. */
export type JsonText = string & { readonly [checked]: true };

type Texts = Readonly<Record<string, JsonText | null | undefined>>;

/** An object of which some members are JSON text already. The compiler sees the others only. */
export class Spliced<Rest extends object> {
  readonly rest: Rest;
  readonly texts: Texts;

  constructor(rest: Rest, texts: Texts) {
    this.rest = rest;
    this.texts = texts;
  }
}

/** Members of `texts` come last when this is written; those that are undefined are left out. */
export const spliced = <Rest extends object>(rest: Rest, texts: Texts) => new Spliced(rest, texts);

/** Writes a JSON value, or an object with members that are text already. */
export function writeJson(value: unknown): JsonText {
  if (!(value instanceof Spliced)) return JSON.stringify(value) as JsonText;
  let text = JSON.stringify(value.rest).slice(0, -1);
  for (const name of Object.keys(value.texts)) {
    const member = value.texts[name];
    if (member !== undefined) text += `${text.length > 1 ? "," : ""}${JSON.stringify(name)}:${member}`;
  }
  return `${text}}` as JsonText;
}

/** A JSON array of items that are text already. */
export const writeArray = (items: readonly JsonText[]) => `[${items.join(",")}]` as JsonText;

/**
 * A JSON object of members that are text already, in this order: in an object of the language, keys such as `1763990500` would come
 * first, and `__proto__` not at all.
 */
export const writeObject = (members: readonly (readonly [name: string, text: JsonText])[]) =>
  `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` as JsonText;
