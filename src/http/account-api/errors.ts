import { z } from "zod";
import type { Failure, InvalidKind } from "../../kernel/failure.ts";
import { Uuid } from "../../kernel/schema.ts";

/** Error bodies of the account API (specification 1.9). Old clients fail on a subcode outside the closed list. */
export const AccountErrorView = z.object({
  subcode: z.int().meta({ examples: [404653] }),
  description: z.string(),
  trace: Uuid.meta({ description: "Identifies this occurrence, also in the server's log." }),
});

type AccountRefusal = { status: 400 | 401 | 403 | 404 | 412 | 429 | 500; subcode: number };

const INVALID: Record<InvalidKind, number> = {
  json: 400_415,
  encoding: 400_314,
  too_large: 400_141,
  body: 400_589,
  parameter: 400_592,
  rule: 400_897,
};

type Rule<Code> = (failure: Extract<Failure, { code: Code }>, conditional: boolean) => AccountRefusal;

const TABLE: { [Code in Failure["code"]]: Rule<Code> } = {
  invalid: ({ kind }) => ({ status: 400, subcode: INVALID[kind] }),
  unauthenticated: () => ({ status: 401, subcode: 401_000 }),
  forbidden: () => ({ status: 403, subcode: 403_535 }),
  not_found: () => ({ status: 404, subcode: 404_653 }),
  conflict: ({ kind }) => ({ status: 400, subcode: kind === "done" ? 400_358 : 400_979 }),
  version_mismatch: (_, conditional) => ({ status: conditional ? 412 : 400, subcode: 400_979 }),
  limited: ({ kind }) => ({ status: kind === "rate" ? 429 : 400, subcode: 400_979 }),
  unavailable: () => ({ status: 500, subcode: 500_314 }),
};

/** Returns the error response for a failure; `conditional` if the request had an `If-Match`. */
export function accountRefusalOf(failure: Failure, conditional = false): AccountRefusal {
  const rule = TABLE[failure.code] as (failure: Failure, conditional: boolean) => AccountRefusal;
  return rule(failure, conditional);
}

export const INTERNAL_ERROR: AccountRefusal = { status: 500, subcode: 500_000 };
