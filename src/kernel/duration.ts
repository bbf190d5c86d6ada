const DAYS = { D: 1, W: 7, M: 30, Y: 365 };
const DAY_MS = 86_400_000;

/**
 * A duration as the account API writes it (specification 1.4, 2.9): days, weeks, months of 30 and years of 365 days, or
 * `INF`.
 */
export const DURATION = /^([1-9][0-9]{0,2}[DWMY]|INF)$/;

export const durationMs = (text: string): number =>
  text === "INF"
    ? Number.POSITIVE_INFINITY
    : Number.parseInt(text, 10) * DAYS[text.at(-1) as keyof typeof DAYS] * DAY_MS;
