import { expect, test } from "bun:test";
import { ACTIONS } from "../../src/access/model/actions.ts";
import { accountApiOperations } from "../../src/http/account-api/account-api.ts";
import { AccountErrorView } from "../../src/http/account-api/errors.ts";
import { UNBUILT } from "../../src/http/account-api/unbuilt.ts";
import { hubApiOperations } from "../../src/http/hub-api/hub-api.ts";
import { openApiDocument } from "../../src/http/openapi.ts";
import { openWorld } from "../support/world/world.ts";

test("the OpenAPI document describes every operation that is built, once, and no other", async () => {
  await using world = await openWorld({ "public-url": "https://twins.example/" });
  const { body, status } = await world.call("GET", "/openapi.json");
  expect([status, body.openapi, body.servers]).toEqual([200, "3.1.1", [{ url: "https://twins.example" }]]);

  const described = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, { operationId: string }>).map(
      ([method, { operationId }]) => `${operationId} ${method} ${path}`,
    ),
  );
  const built = accountApiOperations(world.deps).map(({ id, method, path }) => `${id} ${method} ${path}`);
  expect(described.sort()).toEqual(built.sort());
});

test("the hub API has its own OpenAPI document, with the region in its path", async () => {
  await using world = await openWorld({ "public-url": "https://twins.example/", region: "nl-ams" });
  const { body, status, headers } = await world.call("GET", "/iot/v1/openapi.json");
  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(body.servers).toEqual([{ url: "https://twins.example/iot/v1/regions/nl-ams" }]);
  const described = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, { operationId: string }>).map(
      ([method, { operationId }]) => `${operationId} ${method} ${path}`,
    ),
  );
  const built = hubApiOperations(world.deps.config).map(({ id, method, path }) => `${id} ${method} ${path}`);
  expect(described.sort()).toEqual(built.sort());
  const put = body.paths["/twins/{twin_id}/documents/{document_name}"].put;
  expect(put.requestBody.content["application/json"].schema).toMatchObject({
    properties: { version: { type: "integer", minimum: 0 }, data: { type: "object" } },
    required: ["data"],
  });
  expect(Object.keys(body.paths["/devices/{device_id}"].delete.responses)).toContain("204");
  const devices = body.paths["/devices"].get.parameters.map(({ name }: { name: string }) => name);
  expect(devices).toEqual(["page", "page_size", "order_by", "name", "hub_id", "allow_insecure", "status"]);
});

test("parameters and bodies are described by the schemas that check them", async () => {
  await using world = await openWorld();
  const { paths } = (await world.call("GET", "/openapi.json")).body;
  const scan = Object.fromEntries(
    paths["/twins"].get.parameters.map((parameter: { name: string }) => [parameter.name, parameter]),
  );
  expect(scan["count"]).toMatchObject({
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
  });
  expect(scan["details"].schema).toMatchObject({ type: "boolean", default: false });
  expect(paths["/twins/{twin}"].get.parameters[0]).toMatchObject({ name: "twin", in: "path", required: true });
  expect(paths["/users"].post.requestBody.required).toBe(true);
  expect(paths["/twins"].post.requestBody.required).toBe(false);
  const [body, none] = paths["/twins"].post.requestBody.content["application/json"].schema.anyOf;
  expect(none).toEqual({ type: "null" });
  const { description } = body.properties;
  expect(JSON.stringify(description)).toContain('"propertyNames":{"pattern":"^[a-z_][0-9a-z_]{0,63}$"}');
});

test("a duplicate operation id is refused", async () => {
  await using world = await openWorld();
  const [operation] = accountApiOperations(world.deps);
  const twice = [operation, operation] as Parameters<typeof openApiDocument>[0]["operations"];
  const surface = { title: "", version: "", server: "", error: AccountErrorView, security: {}, statusesOf: () => ({}) };
  expect(() => openApiDocument({ ...surface, operations: twice })).toThrow("described twice");
});

test("every operation, built or not, is an action that a role can name, and none is routed twice", async () => {
  await using world = await openWorld();
  for (const { id } of hubApiOperations(world.deps.config)) expect(ACTIONS).toContain(id);
  const all = [...accountApiOperations(world.deps), ...UNBUILT];
  for (const { id } of all) expect(ACTIONS).toContain(id);
  expect(new Set(all.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`)).size).toBe(
    all.length,
  );
  expect(new Set<string>(ACTIONS).size).toBe(ACTIONS.length);
});
