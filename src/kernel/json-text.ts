declare const checked: unique symbol;

/** Well-formed JSON as text. Stored JSON is returned and recorded without being parsed on the way. */
export type JsonText = string & { readonly [checked]: true };

type Texts = Readonly<Record<string, JsonText | null | undefined>>;

/** An object of which some members are already JSON text. Its type shows only the other members. */
export class WithRawJson<Rest extends object> {
  readonly rest: Rest;
  readonly texts: Texts;

  constructor(rest: Rest, texts: Texts) {
    this.rest = rest;
    this.texts = texts;
  }
}

/** The members of `texts` are written last; undefined ones are left out. */
export const withRawJson = <Rest extends object>(rest: Rest, texts: Texts) => new WithRawJson(rest, texts);

/** Writes a JSON value, or an object with members that are already JSON text. */
export function writeJson(value: unknown): JsonText {
  if (!(value instanceof WithRawJson)) return JSON.stringify(value) as JsonText;
  let text = JSON.stringify(value.rest).slice(0, -1);
  for (const name of Object.keys(value.texts)) {
    const member = value.texts[name];
    if (member !== undefined) text += `${text.length > 1 ? "," : ""}${JSON.stringify(name)}:${member}`;
  }
  return `${text}}` as JsonText;
}

/** A JSON array of items that are already JSON text. */
export const writeArray = (items: readonly JsonText[]) => `[${items.join(",")}]` as JsonText;

/**
 * A JSON object of members that are already JSON text, in this order. In a JavaScript object, keys such as `1763990500`
 * would come first, and `__proto__` would be lost.
 */
export const writeObject = (members: readonly (readonly [name: string, text: JsonText])[]) =>
  `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` as JsonText;
