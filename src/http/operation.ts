import type { z } from "zod";
import type { Action } from "../access/model/actions.ts";
import { permit } from "../access/model/statement.ts";
import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { DepthLimit } from "../kernel/json.ts";
import type { WithRawJson } from "../kernel/json-text.ts";

/** A response with headers of its own. */
export class WithHeaders<View> {
  readonly view: View;
  readonly headers: Readonly<Record<string, string>>;

  constructor(view: View, headers: Readonly<Record<string, string>>) {
    this.view = view;
    this.headers = headers;
  }
}

/**
 * A page of a list that has no pages in the original, so that its shape has no place for a cursor. If there is more, a
 * `Link` header with the relation `next` leads there.
 */
export class Paged<View> {
  readonly view: View;
  readonly cursor: string | null;

  constructor(view: View, cursor: string | null) {
    this.view = view;
    this.cursor = cursor;
  }
}

/** The arguments of an operation, authenticated, parsed and checked. */
type OperationRequest<Params, Query, Body> = {
  readonly deps: Deps;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly headers: Headers;
  /** The client's address, as far as trusted proxies report it. */
  readonly address: () => string;
};

/**
 * Body limits of an operation that differ from the API's: the size in bytes, and the nesting depth with the path that
 * the error names.
 */
type BodyLimits = { readonly byteCount: number; readonly depth: DepthLimit };

type Description = {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** In OpenAPI's form: `/twins/{twin}`. */
  readonly path: string;
  /** A second path that the original accepts; only the canonical path is documented. */
  readonly alias?: string;
  readonly summary: string;
  /** The refusals of the operation in addition to those of the whole surface, by status, and their meaning. */
  readonly refusals?: Readonly<Record<number, string>>;
  readonly bodyLimits?: BodyLimits;
};

/** The success response: with that view, or (204) without a body. */
type Ok<View> = { readonly status: 200 | 201; readonly view: View } | { readonly status: 204 };

type Typed<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  View extends z.ZodType,
  Who,
> = Description & {
  readonly params?: Params;
  readonly query?: Query;
  /** For operations that take a body: an absent body, `{}` and `null` are equivalent. */
  readonly body?: Body;
  readonly ok: Ok<View>;
  readonly serve: (
    call: OperationRequest<z.output<Params>, z.output<Query>, z.output<Body>> & Who,
  ) => Answer<z.input<View>> | Promise<Answer<z.input<View>>>;
};

/** The compiler checks the members that are not serialized yet; the schema fuzzer checks all. Null is no body (204). */
type Written<View> = View | WithRawJson<Partial<View>>;
type Answer<View> = Written<View> | WithHeaders<Written<View>> | Paged<Written<View>> | null;

type Caller = { readonly actor: UserActor };

/** Refuses a caller who may not use the operation at all, before any of the request is read. */
type Authorization = (actor: UserActor) => void;

/**
 * One operation of an API. Routing, checks, types and the OpenAPI document all come from this description; `id` is its
 * operationId and the action that a role permits or denies. Without a gate it is open to every client, and credentials
 * are ignored.
 */
export type Operation = Description & {
  readonly id: Action;
  readonly gate?: Authorization;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly ok: Ok<z.ZodType>;
  readonly serve: (call: OperationRequest<unknown, unknown, unknown> & Partial<Caller>) => unknown;
};

type None = z.ZodType<Record<string, never>>;

/** An operation that the caller's role must permit, or that has a gate of its own. */
export const operation = <
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType = None,
  V extends z.ZodType = None,
>(
  id: Action,
  typed: Typed<P, Q, B, V, Caller>,
  gate: Authorization = (actor) => permit(actor, id),
) => ({ ...typed, id, gate }) as unknown as Operation;

/** An operation that needs no authentication. */
export const openOperation = <
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType = None,
  V extends z.ZodType = None,
>(
  id: Action,
  typed: Typed<P, Q, B, V, unknown>,
) => ({ ...typed, id }) as unknown as Operation;
