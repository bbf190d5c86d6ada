/** The number of cases a law is tried with: `count` here, and in continuous integration a multiple of it. */
export const tries = (count: number): number => count * (Number(process.env["TWINPOST_TRIES"]) || 1);
