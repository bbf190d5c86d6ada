import type { z } from "zod";
import type { Action } from "../access/model/actions.ts";
import { permit } from "../access/model/statement.ts";
import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { DepthLimit } from "../kernel/json.ts";
import type { Spliced } from "../kernel/json-text.ts";

/** An answer with headers of its own. */
export class Headed<View> {
  readonly view: View;
  readonly headers: Readonly<Record<string, string>>;

  constructor(view: View, headers: Readonly<Record<string, string>>) {
    this.view = view;
    this.headers = headers;
  }
}

/**
 * A page of a list whose original has none, so its shape has no place for a cursor: where there is more, a `Link` with the relation `next`
 * says so.
 */
export class Paged<View> {
  readonly view: View;
  readonly cursor: string | null;

  constructor(view: View, cursor: string | null) {
    this.view = view;
    this.cursor = cursor;
  }
}

/** What an operation is served with: everything proven and parsed. */
type Call<Params, Query, Body> = {
  readonly deps: Deps;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly headers: Headers;
  /** Where the request came from, as far as trusted proxies tell. */
  readonly address: () => string;
};

/** What a body may be, where it is not what all of the surface are: bytes, and levels of nesting with the place they are counted for. */
type BodyLimits = { readonly byteCount: number; readonly depth: DepthLimit };

type Description = {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** As in OpenAPI: `/twins/{twin}`. */
  readonly path: string;
  /** A second path by which the original is called; only the canonical one is described. */
  readonly alias?: string;
  readonly summary: string;
  /** What it may answer beside the refusals of all the surface, by status, and what that means. */
  readonly refusals?: Readonly<Record<number, string>>;
  readonly bodyLimits?: BodyLimits;
};

/** Success: an answer of that view, or (204) none at all. */
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
  /** For operations that take a body: nothing, `{}` and `null` are the same to it. */
  readonly body?: Body;
  readonly ok: Ok<View>;
  readonly serve: (
    call: Call<z.output<Params>, z.output<Query>, z.output<Body>> & Who,
  ) => Answer<z.input<View>> | Promise<Answer<z.input<View>>>;
};

/** The compiler checks the members that are no text yet; the schema fuzzer checks all. Null is no body at all (204). */
type Written<View> = View | Spliced<Partial<View>>;
type Answer<View> = Written<View> | Headed<Written<View>> | Paged<Written<View>> | null;

type Caller = { readonly actor: UserActor };

/** Refuses a caller who may not ask for this at all, before anything of the request is looked at. */
type Gate = (actor: UserActor) => void;

/**
 * One operation of a surface. Routing, checks, types and the OpenAPI document all come from this one description; `id` is its
 * operationId and the action that a role permits or denies. Without a gate it is open to everybody, and credentials are ignored.
 */
export type Operation = Description & {
  readonly id: Action;
  readonly gate?: Gate;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly ok: Ok<z.ZodType>;
  readonly serve: (call: Call<unknown, unknown, unknown> & Partial<Caller>) => unknown;
};

type None = z.ZodType<Record<string, never>>;

/** An operation that the caller's role has to permit, or that has a gate of its own. */
export const operation = <
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType = None,
  V extends z.ZodType = None,
>(
  id: Action,
  typed: Typed<P, Q, B, V, Caller>,
  gate: Gate = (actor) => permit(actor, id),
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
