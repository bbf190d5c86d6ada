/** Formats `1 000 000`; empty for an unknown value. */
export const count = (value: number | undefined) =>
  value === undefined ? "" : Math.round(value).toLocaleString("en").replaceAll(",", " ");

export const decimals = (value: number | undefined, digits: number) =>
  value === undefined ? "" : value.toFixed(digits);
