import { z } from "zod";
import type { UserActor } from "../../kernel/actor.ts";
import { decodeCursor, encodeCursor, type Page, type PageRequest, pageOf } from "../../kernel/cursor.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { listRoles, listUsers, type Place, type RoleInBrief, type UserInBrief } from "./rows.ts";

const PlaceText = z.tuple([z.int().nonnegative(), z.uuid()]);
const START: Place = [0, ""];

type Listed = { id: string; createdAt: number };
type Rows<Item> = (reader: Reader, accountId: string, after: Place, limit: number) => Item[];

/** Makes a paged list of the caller's account's things, oldest first. */
const listOf =
  <Item extends Listed>(name: string, rows: Rows<Item>) =>
  (reader: Reader, { accountId }: UserActor, { cursor, limit }: PageRequest): Page<Item> => {
    const after = cursor ? decodeCursor(name, PlaceText, cursor) : START;
    return pageOf(rows(reader, accountId, after, limit + 1), limit, ({ createdAt, id }) =>
      encodeCursor(name, [createdAt, id]),
    );
  };

export const getUsers = listOf<UserInBrief>("users", listUsers);
export const getUserRoles = listOf<RoleInBrief>("roles", listRoles);
