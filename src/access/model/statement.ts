import type { RoleRules, Statement, UserActor } from "../../kernel/actor.ts";
import { forbidden } from "../../kernel/failure.ts";
import { type Action, UNGOVERNED_ACTIONS } from "./actions.ts";

const ungoverned = new Set<string>(UNGOVERNED_ACTIONS);

/** Whether a statement permits an action (specification 2.5). A null list is an empty one. */
export const permits = (statement: Statement, action: Action): boolean =>
  (statement.actions?.includes(action) ?? false) === (statement.effect === "allow");

/**
 * Whether `inner` permits nothing that `outer` does not, now or later: a `deny` statement includes operations that do
 * not exist yet, so no `allow` statement contains it.
 */
export function isWithin(inner: Statement, outer: Statement): boolean {
  const innerActions = governed(inner);
  const outerActions = governed(outer);
  if (inner.effect === "allow" && outer.effect === "allow") return innerActions.isSubsetOf(outerActions);
  if (inner.effect === "allow") return innerActions.isDisjointFrom(outerActions);
  return outer.effect === "deny" && outerActions.isSubsetOf(innerActions);
}

const governed = (statement: Statement) => new Set(statement.actions?.filter((action) => !ungoverned.has(action)));

/** Refuses what the caller's role does not permit; everything if the role was deleted. */
export function permit(actor: UserActor, action: Action): void {
  if (!permits(statementOf(actor), action)) throw forbidden(`The role of the user does not permit ${action}.`);
}

/** For what every user may do. A user whose role was deleted is refused everything with `forbidden`. */
export function assertNotLockedOut(actor: UserActor): void {
  statementOf(actor);
}

/** A secret needs the action, a user token the token's option (specification 2.4). */
export function permitTokenCreation(actor: UserActor): void {
  if (!actor.token) permit(actor, "create_user_token");
  else assertNotLockedOut(actor);
  if (actor.token?.options.includes("create") === false) {
    throw forbidden("The token does not permit making further tokens.");
  }
}

/** Only a token can be refreshed, and only one with that option (specification 2.4). */
export function permitTokenRefresh(actor: UserActor): void {
  assertNotLockedOut(actor);
  if (!actor.token?.options.includes("refresh"))
    throw forbidden("Only a token with the option refresh can be refreshed.");
}

export function statementOf(actor: UserActor): Statement {
  if (!actor.statement) throw forbidden("The role of the user has been deleted.");
  return actor.statement;
}

/** Whether the caller has all rights: no statement and no rule permits more. */
export const isPermittedEverything = (actor: UserActor): boolean =>
  isWithin({ effect: "deny", actions: null }, statementOf(actor)) &&
  Object.values(actor.rules).every((rule) => rule === null);

/**
 * Prevents a caller from handing out more than they hold: refuses a role that permits what the caller's does not.
 * Whether one rule permits less than another cannot be computed, so each rule that binds the caller has to be in the
 * other role with the same text.
 */
export function assertWithin(actor: UserActor, role: { statement: Statement; rules: RoleRules }, what: string): void {
  if (!isWithin(role.statement, statementOf(actor))) {
    throw forbidden(`${what} permits operations that the role of the user does not.`);
  }
  for (const kind of ["twin", "identity", "entry"] as const) {
    const own = actor.rules[kind];
    if (own !== null && role.rules[kind] !== own) {
      throw forbidden(`${what} does not have the ${kind} rule that binds the user.`);
    }
  }
}
