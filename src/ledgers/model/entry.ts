import { conflict } from "../../kernel/failure.ts";
import type { JsonText } from "../../kernel/json-text.ts";
import type { Authors } from "../../policy/rows.ts";
import type { RecentRecords } from "./recent-records.ts";

export type EntryType = "value" | "reference" | "include";

/** How copying into a reference went (specification 2.8). */
export type ReferenceStatus = "ok" | "not_found" | "loop_detected" | "too_many_hops";

/** The key of an entry: each account has one ledger on each twin. */
export type EntryKey = { twinId: string; accountId: string; name: string };

/** An entry of a ledger. Its type is fixed when it is added. */
export type Entry = EntryKey & {
  type: EntryType;
  /** Always null for an include, which has its source's value. */
  value: JsonText;
  visibility: string | null;
  history: string | null;
  /** `{"<topic template>": "<rule>"}` */
  publish: JsonText | null;
  /** The entry that a reference copies, or an include reads. */
  source: EntryKey | null;
  reference: { status: ReferenceStatus; hops: number; addedBy: string } | null;
  /** Authors of its visibility, publishing rules and include. */
  authors: Authors | null;
  createdAt: number;
  updatedAt: number;
  valueChangedAt: number;
};

/** An entry with the columns that are needed to change it. */
export type ChangeableEntry = Entry & {
  /** Number of history records. */
  recordCount: number;
  /** The newest records. */
  recent: RecentRecords;
  /** Whether references to it existed when it was read. */
  referredTo: boolean;
};

export const NULL = "null" as JsonText;

/** Why one item of a request was refused while others took effect (specification 2.8, multi-status). */
type Refused = { error: string; detail?: string };

type ItemError =
  | "Entry already exists."
  | "Entry not accessible."
  | "Entry value cannot be changed."
  | "Entry type cannot be changed."
  | "Condition not met."
  | "Invalid rule."
  | "Invalid source."
  | "Too many references."
  | "Too many includes."
  | "Timeseries table does not exist.";

/** The outcome for each name in a request. */
export type Outcomes<Done> = [name: string, outcome: Done | Refused][];

export const isRefused = (outcome: object): outcome is Refused => "error" in outcome;

/** Thrown to refuse one item of a request. */
export class ItemRefusal extends Error {
  override name = "ItemRefusal";
  readonly refused: Refused;

  constructor(error: ItemError, detail?: string) {
    super(error);
    this.refused = { error, ...(detail !== undefined && { detail }) };
  }
}

/** Runs one item of a request and returns its outcome. */
export function settle<Done extends object>(run: () => Done): Done | Refused {
  try {
    return run();
  } catch (error) {
    if (error instanceof ItemRefusal) return error.refused;
    throw error;
  }
}

/** With `transaction`, refuses the whole request if one item is refused, and nothing is stored. */
export function assertWhole(outcomes: Outcomes<object>, transaction: boolean): void {
  if (!transaction) return;
  const refused = outcomes.flatMap(([name, outcome]) => (isRefused(outcome) ? [`${name}: ${outcome.error}`] : []));
  if (refused.length > 0) throw conflict("precondition", `Nothing was changed. ${refused.slice(0, 5).join(" ")}`);
}
