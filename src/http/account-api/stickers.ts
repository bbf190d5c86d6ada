import { z } from "zod";
import { Uuid } from "../../kernel/schema.ts";
import { getSticker } from "../../stickers/get-sticker.ts";
import { getStickers } from "../../stickers/get-stickers.ts";
import { listStickers } from "../../stickers/list-stickers.ts";
import { putStickers } from "../../stickers/put-sticker.ts";
import { removeSticker } from "../../stickers/remove-sticker.ts";
import {
  Color,
  PutStickersBody,
  PutStickersView,
  RemovedStickerView,
  StickersView,
  StickerView,
  TwinStickersView,
} from "../../stickers/schema.ts";
import {
  viewPutStickers,
  viewRemovedSticker,
  viewSticker,
  viewStickers,
  viewTwinStickers,
} from "../../stickers/views.ts";
import { operation, Paged } from "../operation.ts";
import { queryContext, queryContextOfOne, queryInteger, queryPage, querySeconds } from "../query.ts";

const TwinPath = z.object({ twin: Uuid });
const StickerPath = z.object({ twin: Uuid, color: Color });

/** Skipped rows have to be read; to go further back, `le` starts there directly. */
const OFFSET_MAX = 100_000;

export const stickerOperations = [
  operation("get_stickers", {
    method: "get",
    path: "/twins/{twin}/stickers",
    summary: "List the stickers of a twin that are addressed to the caller",
    params: TwinPath,
    query: z.object({ context: queryContext("system"), ...queryPage }),
    ok: { status: 200, view: TwinStickersView },
    serve: async ({ deps, actor, params, query }) => {
      const { items, cursor } = await getStickers(deps, actor, params.twin, query);
      return new Paged(viewTwinStickers(items), cursor);
    },
  }),
  operation("put_sticker", {
    method: "post",
    path: "/twins/{twin}/stickers",
    summary: "Put stickers on a twin",
    params: TwinPath,
    body: PutStickersBody,
    ok: { status: 201, view: PutStickersView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { twinId: params.twin, stickers: body.stickers };
      return viewPutStickers(await putStickers(deps, actor, input));
    },
  }),
  operation("get_sticker", {
    method: "get",
    path: "/twins/{twin}/stickers/{color}",
    summary: "Get a sticker that is addressed to the caller",
    params: StickerPath,
    query: z.object({ context: queryContext("system") }),
    ok: { status: 200, view: StickerView },
    serve: ({ deps, actor, params, query }) =>
      viewSticker(deps.store.read((reader) => getSticker(reader, actor, params, query.context))),
  }),
  operation("remove_sticker", {
    method: "delete",
    path: "/twins/{twin}/stickers/{color}",
    summary: "Remove a sticker, once for all of its recipients",
    params: StickerPath,
    query: z.object({ context: queryContext("personal") }),
    ok: { status: 200, view: RemovedStickerView },
    serve: async ({ deps, actor, params, query }) => {
      const input = { path: params, context: query.context };
      return viewRemovedSticker(await deps.store.write(removeSticker, actor, input));
    },
  }),
  operation("list_stickers", {
    method: "get",
    path: "/stickers",
    summary: "List the stickers on all twins that are addressed to the caller",
    query: z.object({
      color: Color.optional(),
      context: queryContextOfOne("personal"),
      ge: querySeconds(),
      le: querySeconds(),
      limit: queryInteger(0, 100, 100),
      offset: queryInteger(0, OFFSET_MAX, 0),
      cursor: queryPage.cursor,
    }),
    ok: { status: 200, view: StickersView },
    serve: async ({ deps, actor, query }) => {
      const { items, cursor } = await listStickers(deps, actor, query);
      return new Paged(viewStickers(items), cursor);
    },
  }),
];
