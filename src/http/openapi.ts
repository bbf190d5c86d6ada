import type { Hono } from "hono";
import { z } from "zod";
import { assert } from "../kernel/assert.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { once } from "../kernel/once.ts";
import { announcedLength, respondWithoutReadingBody } from "./body.ts";
import type { Operation } from "./operation.ts";
import type { Peer } from "./serve.ts";

type OpenApiInput = {
  title: string;
  version: string;
  server: string;
  operations: readonly Operation[];
  /** The schema of every refusal, and the statuses that may be returned besides success. */
  error: z.ZodType;
  security: JsonObject;
  statusesOf: (operation: Operation) => Record<number, string>;
};

/**
 * Serves an API's document at a path. It is made at the first request: few clients read it, and a start need not wait
 * for it.
 */
export function serveDocument(app: Hono<Peer>, path: string, make: () => JsonObject): void {
  const document = once(() => JSON.stringify(make()));
  app.get(path, ({ req }) => {
    const response = new Response(document(), { headers: { "content-type": "application/json" } });
    return respondWithoutReadingBody(announcedLength(req.raw), response);
  });
}

/** The OpenAPI 3.1 document of an API: canonical paths, and the schemas that requests are checked with. */
export function openApiDocument(surface: OpenApiInput): JsonObject {
  const paths: Record<string, JsonObject> = {};
  const ids = new Set<string>();
  for (const operation of surface.operations) {
    assert(!ids.has(operation.id), `operation ${operation.id} is described twice`);
    ids.add(operation.id);
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(surface, operation) };
  }
  return {
    openapi: "3.1.1",
    info: { title: surface.title, version: surface.version },
    servers: [{ url: surface.server }],
    paths,
    components: { schemas: { Error: schemaOf(surface.error, "output") }, securitySchemes: surface.security },
  };
}

function describe(surface: OpenApiInput, operation: Operation): JsonObject {
  const refusals = Object.entries({ ...surface.statusesOf(operation), ...operation.refusals }).map(
    ([status, description]) => [
      status,
      { description, content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } },
    ],
  );
  return {
    operationId: operation.id,
    summary: operation.summary,
    security: operation.gate ? Object.keys(surface.security).map((scheme) => ({ [scheme]: [] })) : [],
    parameters: [...parametersOf(operation.params, "path"), ...parametersOf(operation.query, "query")],
    ...(operation.body && {
      requestBody: {
        required: !operation.body.safeParse({}).success,
        content: { "application/json": { schema: bodySchemaOf(operation.body) } },
      },
    }),
    responses: {
      [operation.ok.status]: {
        description: operation.summary,
        ...(operation.ok.status !== 204 && {
          content: { "application/json": { schema: schemaOf(operation.ok.view, "output") } },
        }),
      },
      ...Object.fromEntries(refusals),
    },
  };
}

/** An operation that needs no body also accepts `null` (1.1). */
function bodySchemaOf(body: z.ZodType): JsonObject {
  const schema = schemaOf(body, "input");
  return body.safeParse({}).success ? { anyOf: [schema, { type: "null" }] } : schema;
}

function parametersOf(fields: z.ZodObject | undefined, place: "path" | "query"): JsonObject[] {
  return Object.entries(fields?.shape ?? {}).map(([name, field]) => {
    const absent = (field as z.ZodType).safeParse(undefined);
    const fallback = absent.data as JsonValue | undefined;
    const schema = schemaOf(field as z.ZodType, "input");
    return {
      name,
      in: place,
      required: place === "path" || !absent.success,
      schema: { ...schema, ...(fallback !== undefined && { default: fallback }) },
    };
  });
}

/**
 * Unknown members are ignored in requests, and later versions may add members to responses, so objects are never
 * closed.
 */
function schemaOf(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: openObjects,
  }) as JsonObject;
  return rest;
}

function openObjects({ jsonSchema }: { jsonSchema: { additionalProperties?: unknown } }): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
}
