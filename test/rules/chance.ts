/** Randomness with a seed, so that a failure can be reproduced. */
export type Chance = {
  below: (n: number) => number;
  one: <T>(choices: readonly T[]) => T;
  maybe: (share: number) => boolean;
};

/** mulberry32: small, and the same on every platform. */
export function newChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { below, one: (choices) => choices[below(choices.length)] as never, maybe: (share) => next() < share };
}
