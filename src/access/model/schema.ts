import { z } from "zod";
import { NO_RULES, type RoleRules, TOKEN_OPTIONS } from "../../kernel/actor.ts";
import { omitUndefined } from "../../kernel/omit-undefined.ts";
import {
  Description,
  DescriptionView,
  Timestamp,
  TimestampView,
  toSeconds,
  toSecondsOrNull,
  Uuid,
} from "../../kernel/schema.ts";
import { compileRule } from "../../rules/rule.ts";
import { RuleText } from "../../rules/schema.ts";
import { ACTIONS } from "./actions.ts";
import type { UserSecret } from "./credential-rows.ts";
import type { Account, Role, RoleInBrief, User, UserInBrief } from "./rows.ts";

// Request and response schemas of the account API (specification 2.1–2.5).

const Name = z
  .string()
  .regex(
    /^[0-9A-Za-z][0-9A-Za-z_ -]{0,30}[0-9A-Za-z]$/,
    "must be 2 to 32 letters, digits, spaces, hyphens or underscores",
  );

const TABLE_NAME = /^[a-z_][0-9a-z_]{0,63}$/;
const Dimensions = z.object({ dimensions: z.record(z.string().regex(TABLE_NAME), z.string()) });

/**
 * An access log, keyed by the timeseries table it goes to. There are no timeseries tables, so a log cannot name any.
 */
const AccessLog = z.record(z.string().regex(TABLE_NAME), Dimensions).nullable();
const AccessLogView = z.record(z.string(), z.unknown()).nullable();

const Statement = z.object({
  effect: z.enum(["allow", "deny"]),
  actions: z
    .array(z.enum(ACTIONS, "is not an action"))
    .transform((actions) => [...new Set(actions)])
    .nullable(),
});

const Rule = RuleText.nullish();
const RULE_KINDS = ["twin", "identity", "entry"] as const;

/**
 * Both forms in the specification (2.5); a body that has both must give the same rules in both. Null means no rules.
 */
const Rules = z
  .object({ twin_rule: Rule, identity_rule: Rule, entry_rule: Rule, twin: Rule, identity: Rule, entry: Rule })
  .check(({ value, issues }) => {
    for (const kind of RULE_KINDS) {
      const [long, short] = [value[`${kind}_rule`], value[kind]];
      if (long === undefined || short === undefined || long === short) continue;
      const message = `says something else than ${kind}_rule`;
      issues.push({ code: "custom", input: short, path: [kind], message });
    }
  })
  .transform(
    (rules): Partial<RoleRules> =>
      omitUndefined({
        twin: rules.twin_rule === undefined ? rules.twin : rules.twin_rule,
        identity: rules.identity_rule === undefined ? rules.identity : rules.identity_rule,
        entry: rules.entry_rule === undefined ? rules.entry : rules.entry_rule,
      }),
  )
  .nullish()
  .transform((rules) => (rules === null ? NO_RULES : rules));

const RuleView = z.string().nullable();
const RulesView = z.object({ twin_rule: RuleView, identity_rule: RuleView, entry_rule: RuleView });

export const UpdateAccountBody = z.object({ resource_access_log: AccessLog.optional() });

export const CreateUserBody = z.object({
  role: Uuid,
  name: Name.nullish(),
  description: Description.nullish(),
  activity: AccessLog.optional(),
});

export const UpdateUserBody = CreateUserBody.partial();

export const RoleBody = z.object({ name: Name.nullish(), statement: Statement.nullish(), rules: Rules });

/** Refuses, as `rule`, rules that do not compile, because they could not be enforced. */
export function assertCompiles(rules: Partial<RoleRules> = {}): void {
  for (const rule of Object.values(rules)) if (rule !== null) compileRule(rule);
}

export const SecretValidity = z.object({ validity_ts: Timestamp.nullish() });

export const CreateTokenBody = z.object({
  secret_dict: Description.nullish(),
  options: z.array(z.enum(TOKEN_OPTIONS)).nullish(),
  validity_ts: Timestamp.nullish(),
});

export const RefreshTokenBody = z.object({ validity_ts: Timestamp.nullish() });

export const WhoAmIView = z.object({ account: Uuid, user: Uuid, role: Uuid });

export const AccountView = z.object({
  resource_access_log: AccessLogView,
  uuid: Uuid,
  created_ts: TimestampView,
  updated_ts: TimestampView,
});

export const UserView = z.object({
  uuid: Uuid,
  role: Uuid,
  account: Uuid,
  name: z.string().nullable(),
  description: DescriptionView.optional(),
  activity: AccessLogView,
  created_ts: TimestampView,
  updated_ts: TimestampView,
});

/** Not in the original; present only if secrets ended. */
const Ended = {
  ended_secrets: z.int().optional().meta({
    description: "How many secrets ended, because their makers held fewer rights than their users are given now.",
  }),
};
export const ChangedUserView = UserView.extend(Ended);

export const UsersView = z.object({
  users: z.record(Uuid, UserView.pick({ name: true, role: true, created_ts: true, updated_ts: true })),
});

export const RoleView = z.object({
  uuid: Uuid,
  name: z.string(),
  account: Uuid,
  statement: z.object({ effect: z.enum(["allow", "deny"]), actions: z.array(z.string()).nullable() }),
  rules: RulesView,
  created_ts: TimestampView,
  updated_ts: TimestampView,
});

export const ChangedRoleView = RoleView.extend(Ended);

export const RolesView = z.object({
  roles: z.record(Uuid, RoleView.pick({ name: true, created_ts: true, updated_ts: true })),
});

export const PinView = z.object({ pin: z.string() });

export const SecretView = z.object({
  account: Uuid,
  user: Uuid,
  fingerprint: z.string(),
  validity_ts: TimestampView.nullable(),
  created_ts: TimestampView,
  updated_ts: TimestampView,
});

export const NewSecretView = SecretView.omit({ fingerprint: true }).extend({
  secret: z.string().meta({ description: "For `Authorization`. Shown this once." }),
  token: Uuid.meta({ description: "The same secret for clients that send a UUID as `X-Auth-Token`. Shown this once." }),
});

export const RefreshedTokenView = z.object({ token: z.string(), validity_ts: TimestampView.nullable() });
export const TokenView = RefreshedTokenView.extend({ options: z.array(z.enum(TOKEN_OPTIONS)) });

const times = (thing: { createdAt: number; updatedAt: number }) => ({
  created_ts: toSeconds(thing.createdAt),
  updated_ts: toSeconds(thing.updatedAt),
});

export const viewAccount = (account: Account): z.infer<typeof AccountView> => ({
  resource_access_log: account.resourceAccessLog,
  uuid: account.id,
  ...times(account),
});

/** A description that is absent or was removed is left out of the answer (1.5). */
export const viewUser = (user: User): z.infer<typeof UserView> => ({
  uuid: user.id,
  role: user.roleId,
  account: user.accountId,
  name: user.name,
  ...(user.description && { description: user.description }),
  activity: user.activity,
  ...times(user),
});

export const viewEnded = (endedSecrets: number) => endedSecrets > 0 && { ended_secrets: endedSecrets };

export const viewUsers = (users: UserInBrief[]): z.infer<typeof UsersView> => ({
  users: Object.fromEntries(users.map((user) => [user.id, { name: user.name, role: user.roleId, ...times(user) }])),
});

export const viewRole = (role: Role): z.infer<typeof RoleView> => ({
  uuid: role.id,
  name: role.name,
  account: role.accountId,
  statement: role.statement,
  rules: { twin_rule: role.rules.twin, identity_rule: role.rules.identity, entry_rule: role.rules.entry },
  ...times(role),
});

export const viewRoles = (roles: RoleInBrief[]): z.infer<typeof RolesView> => ({
  roles: Object.fromEntries(roles.map((role) => [role.id, { name: role.name, ...times(role) }])),
});

export const viewSecret = (accountId: string, secret: UserSecret): z.infer<typeof SecretView> => ({
  account: accountId,
  user: secret.userId,
  fingerprint: secret.fingerprint,
  validity_ts: toSecondsOrNull(secret.expiresAt),
  ...times(secret),
});
