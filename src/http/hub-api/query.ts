import { z } from "zod";
import type { Page } from "../../hub/registry/page-rows.ts";

// Query values of the hub API (specification 1.5). An empty value counts as absent, and so does an enum's zero value.

const PAGE_SIZE = 20;
const PAGE_SIZE_MAX = 100;

const given = (text: string | undefined) => text !== undefined && text !== "";

const whole = z
  .string()
  .regex(/^\d{0,9}$/, "must be a whole number")
  .optional();

/** The first page is 1; clients that set no page send 0, its zero value. */
const PageNumber = whole.transform((text) => Number(text) || 1).meta({ type: "integer", minimum: 1, default: 1 });

/** A size above the limit is reduced to the limit. */
const PageSize = whole
  .transform((text) => Math.min(Number(text ?? "") || PAGE_SIZE, PAGE_SIZE_MAX))
  .meta({ type: "integer", minimum: 1, maximum: PAGE_SIZE_MAX, default: PAGE_SIZE });

/** The query parameters of a list, besides its filters. */
export const pageQuery = <const Orders extends readonly string[]>(orders: Orders) => ({
  page: PageNumber,
  page_size: PageSize,
  order_by: z.enum(orders.flatMap((order) => [`${order}_asc`, `${order}_desc`])).default("name_asc"),
});

type PageQuery = { page: number; page_size: number; order_by: string };

export function pageFrom({ page, page_size, order_by }: PageQuery): Page {
  const [, orderBy = "", direction] = /^(.+)_(asc|desc)$/.exec(order_by) ?? [];
  return { page, pageSize: page_size, orderBy, descending: direction === "desc" };
}

export const queryText = z
  .string()
  .optional()
  .transform((text) => (given(text) ? text : undefined));

export const queryFlag = z
  .enum(["true", "false", "1", "0", ""], "must be true or false")
  .optional()
  .transform((text) => (given(text) ? text === "true" || text === "1" : undefined))
  .meta({ type: "boolean" });

export const queryDate = z
  .string()
  .optional()
  .refine((text) => !given(text) || !Number.isNaN(Date.parse(text as string)), "must be an ISO 8601 date")
  .transform((text) => (given(text) ? Date.parse(text as string) : undefined))
  .meta({ type: "string", format: "date-time" });
