/** `1 000 000`; nothing for what is not known. */
export const count = (value: number | undefined) =>
  value === undefined ? "" : Math.round(value).toLocaleString("en").replaceAll(",", " ");

export const decimals = (value: number | undefined, digits: number) =>
  value === undefined ? "" : value.toFixed(digits);
