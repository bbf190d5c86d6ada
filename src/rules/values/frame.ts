import type { JsonValue } from "../../kernel/json.ts";
import { type Meter, STEPS_MAX } from "./limits.ts";
import type { RuleValue } from "./values.ts";

/**
 * What rules read: variables by name as JSON values. Called lazily, at most once per name and evaluation; undefined =
 * missing.
 */
export type Scope = (name: string) => JsonValue | undefined;

export type RuleWorld = {
  now: number /* ms */;
  random: () => number /* 0..1 */;
  /** A budget shared by several evaluations; the caller checks before the next one whether it is used up. */
  budget?: Meter;
};

/** One evaluation: the variables read so far, and the remaining budget. */
export type Frame = Meter & {
  readonly scope: Scope;
  readonly world: RuleWorld;
  /** Variables by slot; undefined if not read yet. */
  readonly variables: (RuleValue | undefined)[];
  /** Variables of comprehensions, by slot. */
  readonly locals: RuleValue[];
  /** The groups of the last regular expression that matched. */
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
