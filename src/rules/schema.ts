import { z } from "zod";
import { TEXT_LENGTH_MAX } from "./values/limits.ts";
import { codePointLength } from "./values/text.ts";

/** A rule as callers send it. `compileRule` checks that it compiles, because that is a different kind of refusal. */
export const RuleText = z
  .string()
  .refine((text) => codePointLength(text) <= TEXT_LENGTH_MAX, `must be at most ${TEXT_LENGTH_MAX} characters`)
  .meta({ description: "A rule: an expression that is true or false.", examples: ["TWIN.company == USER.company"] });
