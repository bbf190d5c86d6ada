import { z } from "zod";
import { type JsonText, writeJson } from "../kernel/json-text.ts";
import { dictionaryOf, Timestamp, TimestampView, Uuid } from "../kernel/schema.ts";
import { TOPIC, Topic } from "../notifications/model/topic.ts";

// Request and response schemas of the account API (specification 2.11).

/** Either of the two patterns in the original's documentation (1.4). */
const COLOR = /^[0-9A-Za-z_-]{1,128}$/;

export const Color = z.string().regex(COLOR, `must match ${COLOR.source}`);

const NOTE_LENGTH_MAX = 512;
const RECIPIENTS_MAX = 100;
/** Each topic of an event is looked up when it happens. */
const TOPICS_MAX = 100;

/** The occasions on which a sticker is published. */
const OCCASIONS = ["on_put", "on_remove", "on_expire"] as const;
export type Occasion = (typeof OCCASIONS)[number];

const Note = z
  .string()
  .refine((text) => [...text].length <= NOTE_LENGTH_MAX, `must be at most ${NOTE_LENGTH_MAX} characters`)
  .meta({ maxLength: NOTE_LENGTH_MAX });

/** Ids of any account, existing or not: every holder of such an id sees the sticker. */
const Recipients = z
  .array(Uuid)
  .transform((ids) => [...new Set(ids)])
  .refine(
    (ids) => ids.length >= 1 && ids.length <= RECIPIENTS_MAX,
    `must be from 1 to ${RECIPIENTS_MAX} ids of users, roles or accounts`,
  )
  .meta({ minItems: 1 });

const Topics = z
  .union([Topic.transform((topic) => [topic]), z.array(Topic)])
  .transform((topics) => [...new Set(topics)])
  .refine((topics) => topics.length <= TOPICS_MAX, `must be at most ${TOPICS_MAX} topics`)
  .nullish();

/** Topics by occasion; or, in the older form, a list of occasions with the color as topic. */
const Publish = z.union([
  z.strictObject({ on_put: Topics, on_remove: Topics, on_expire: Topics }),
  z.array(z.enum(OCCASIONS)),
]);

const NewSticker = z
  .object({
    note: Note.nullish(),
    message: Note.nullish().meta({ description: "The older name of `note`." }),
    recipients: Recipients,
    validity_ts: Timestamp.nullish(),
    publish: Publish.nullish(),
  })
  .transform(({ note, message, recipients, validity_ts, publish }) => ({
    note: note ?? message ?? null,
    recipients: writeJson(recipients),
    expiresAt: validity_ts ?? null,
    publish: publish ?? {},
  }));

/** A requested sticker; without an expiry it gets the maximum lifetime. */
export type StickerRequest = { note: string | null; recipients: JsonText; expiresAt: number | null; publish: JsonText };

export const PutStickersBody = z.object({
  stickers: dictionaryOf(COLOR, NewSticker).transform((pairs, context) =>
    pairs.map(([color, { publish, ...wish }]): [color: string, wish: StickerRequest] => {
      if (Array.isArray(publish) && publish.length > 0 && !TOPIC.test(color)) {
        context.issues.push({
          code: "custom",
          input: color,
          path: [color, "publish"],
          message: "the color is not a valid topic",
        });
      }
      return [color, { ...wish, publish: writeJson(topicsByOccasion(color, publish)) }];
    }),
  ),
});

type TopicsByOccasion = Partial<Record<Occasion, string[]>>;

function topicsByOccasion(color: string, publish: z.output<typeof Publish>): TopicsByOccasion {
  const topics: TopicsByOccasion = {};
  for (const occasion of OCCASIONS) {
    const given = Array.isArray(publish) ? (publish.includes(occasion) ? [color] : undefined) : publish[occasion];
    if (given) topics[occasion] = given;
  }
  return topics;
}

const brief = {
  note: z.string().nullable(),
  validity_ts: TimestampView,
  created_ts: TimestampView,
};

const StickerBriefView = z.object(brief);

export const StickerView = z.object({
  ...brief,
  recipients: z.array(Uuid),
  publish: z.object({
    on_put: z.array(z.string()).optional(),
    on_remove: z.array(z.string()).optional(),
    on_expire: z.array(z.string()).optional(),
  }),
});

export const PutStickersView = z.object({
  stickers: z.record(z.string(), z.union([StickerView, z.object({ error: z.string() })])),
});

export const TwinStickersView = z.object({
  accounts: z
    .record(Uuid, z.record(z.string(), StickerBriefView))
    .meta({ description: "By the account that put them, then by color." }),
});

export const RemovedStickerView = z.object({ account: Uuid, ...brief });

export const StickersView = z.object({
  stickers: z.array(z.object({ account: Uuid, twin: Uuid, color: z.string(), ...brief })),
});
