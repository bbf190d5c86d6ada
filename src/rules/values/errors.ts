/** Evaluation failed. As a decision this counts as false. */
export class RuleError extends Error {
  override name = "RuleError";
}

/**
 * The text is not a valid rule; `at` is the UTF-16 offset of the error. `compileRule` turns it into the caller's
 * refusal.
 */
export class RuleRefusal extends Error {
  override name = "RuleRefusal";
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

export const mismatch = (expected: string) => new RuleError(`the data types do not fit: ${expected}`);
