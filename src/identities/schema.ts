import { z } from "zod";
import { dictionaryOf, Timestamp, TimestampView, toSeconds, toSecondsOrNull, Uuid } from "../kernel/schema.ts";
import { RuleText } from "../rules/schema.ts";
import { TwinView } from "../twins/schema.ts";
import type { Identity } from "./rows.ts";

// Request and response schemas of the account API (specification 2.7).

/** A prefix for the kind, one `#`, a value (1.4). */
const IDENTITY_NAME = /^[A-Za-z_][0-9A-Za-z_]{0,7}#[0-9A-Za-z_=+-]{1,128}$/;

export const IdentityName = z.string().regex(IDENTITY_NAME, `must match ${IDENTITY_NAME.source}`);

export const IdentityBody = z.object({ validity_ts: Timestamp.nullish(), visibility: RuleText.nullish() });

const NewIdentity = IdentityBody.nullable().transform((body) => ({
  expiresAt: body?.validity_ts ?? null,
  visibility: body?.visibility ?? null,
}));

export const CreateIdentitiesBody = z.object({ identities: dictionaryOf(IDENTITY_NAME, NewIdentity) });

export const IdentityView = z.object({
  validity_ts: TimestampView.nullable(),
  visibility: z.string().nullable(),
  updated_ts: TimestampView,
  creation_certificate: z.object({ created_ts: TimestampView, creator: Uuid, identity: z.string() }),
});

export const NewIdentitiesView = z.object({
  identities: z.record(
    z.string(),
    z.union([IdentityView, z.object({ error: z.string(), detail: z.string().optional() })]),
  ),
});

export const IdentitiesView = z.object({
  identities: z.record(
    z.string(),
    z.object({
      validity_ts: TimestampView.nullable(),
      created_ts: TimestampView,
      updated_ts: TimestampView,
    }),
  ),
});

export const ResolvedView = z.object({
  twins: z.array(z.union([Uuid, TwinView])).meta({ description: "Ids, or with `details` whole twins." }),
});

export const viewIdentity = (identity: Identity): z.infer<typeof IdentityView> => ({
  validity_ts: toSecondsOrNull(identity.expiresAt),
  visibility: identity.visibility,
  updated_ts: toSeconds(identity.updatedAt),
  creation_certificate: {
    created_ts: toSeconds(identity.createdAt),
    creator: identity.accountId,
    identity: identity.name,
  },
});

/**
 * Keyed by name. Where several accounts gave a twin the same name, the one of `accountId` is shown, otherwise the
 * oldest.
 */
export function viewIdentities(identities: Identity[], accountId: string): z.infer<typeof IdentitiesView> {
  const goesBefore = (a: Identity, b: Identity) =>
    b.accountId !== accountId && (a.accountId === accountId || a.createdAt < b.createdAt);
  const byName = new Map<string, Identity>();
  for (const identity of identities) {
    const known = byName.get(identity.name);
    if (!known || goesBefore(identity, known)) byName.set(identity.name, identity);
  }
  return {
    identities: Object.fromEntries(
      Array.from(byName.values(), (identity) => [
        identity.name,
        {
          validity_ts: toSecondsOrNull(identity.expiresAt),
          created_ts: toSeconds(identity.createdAt),
          updated_ts: toSeconds(identity.updatedAt),
        },
      ]),
    ),
  };
}
