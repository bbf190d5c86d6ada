import { z } from "zod";
import { type WithRawJson, withRawJson } from "../kernel/json-text.ts";
import { DescriptionText, DescriptionView, TimestampView, toSeconds, Uuid } from "../kernel/schema.ts";
import type { Twin } from "./rows.ts";

// Request and response schemas of the account API (specification 2.6).

/** For creating and for updating: an absent description leaves the twin's as it is, null removes it (1.5). */
export const TwinBody = z.object({ description: DescriptionText.nullish() });

export const TwinView = z.object({
  owner: Uuid,
  status: z.enum(["alive", "terminated"]),
  updated_ts: TimestampView,
  description: DescriptionView.optional(),
  creation_certificate: z.object({ uuid: Uuid, created_ts: TimestampView, creator: Uuid }),
  termination_certificate: z.object({ issuer: Uuid, terminated_ts: TimestampView }).optional(),
});

export const TwinScanView = z.object({
  cursor: z.string().nullable().meta({ description: "Where the next page starts; null at the end." }),
  twins: z.array(z.union([Uuid, TwinView])).meta({ description: "Ids, or with `details` whole twins." }),
});

/** The twin's own id appears only in its creation certificate. */
export const viewTwin = (twin: Twin): WithRawJson<Omit<z.infer<typeof TwinView>, "description">> =>
  withRawJson(
    {
      owner: twin.ownerId,
      status: twin.termination ? "terminated" : "alive",
      updated_ts: toSeconds(twin.updatedAt),
      creation_certificate: { uuid: twin.id, created_ts: toSeconds(twin.createdAt), creator: twin.creatorId },
      ...(twin.termination && {
        termination_certificate: { issuer: twin.termination.issuerId, terminated_ts: toSeconds(twin.termination.at) },
      }),
    },
    { description: twin.description ?? undefined },
  );
