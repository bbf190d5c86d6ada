import type { JsonValue } from "../../kernel/json.ts";
import { type Meter, STEPS_MAX } from "./limits.ts";
import type { RuleValue } from "./values.ts";

/** What rules see: variables by name as JSON values; called lazily, at most once per name and evaluation; undefined = missing. */
export type Scope = (name: string) => JsonValue | undefined;

export type RuleWorld = {
  now: number /* ms */;
  random: () => number /* 0..1 */;
  /** What several evaluations may spend together; whoever asks for the next one looks whether it is used up. */
  budget?: Meter;
};

/** One evaluation: what it has read so far, and what it may still spend. */
export type Frame = Meter & {
  readonly scope: Scope;
  readonly world: RuleWorld;
  /** Variables by slot; undefined is one that was not asked for yet. */
  readonly variables: (RuleValue | undefined)[];
  /** Variables of comprehensions, by slot. */
  readonly locals: RuleValue[];
  /** Of the last regular expression that matched. */
  groups: RuleValue;
};

export const newFrame = (scope: Scope, world: RuleWorld): Frame => ({
  stepsLeft: STEPS_MAX,
  scope,
  world,
  variables: [],
  locals: [],
  groups: null,
});
