/** How many cases a law is tried with: so many here, and as many times more in continuous integration as it says. */
export const tries = (count: number): number => count * (Number(process.env["TWINPOST_TRIES"]) || 1);
