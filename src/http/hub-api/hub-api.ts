import type { Hono } from "hono";
import type { Config } from "../../config.ts";
import { VERSION } from "../../kernel/version.ts";
import { openApiDocument, serveDocument } from "../openapi.ts";
import type { Operation } from "../operation.ts";
import { mount, type Peer, type Services } from "../serve.ts";
import { certificateOperations } from "./certificates.ts";
import { deviceOperations } from "./devices.ts";
import { HubErrorView, NOT_IN_ACCOUNT } from "./errors.ts";
import { hubOperations } from "./hubs.ts";
import { HUB_API, hubApi } from "./surface.ts";
import { deviceDocumentOperations } from "./twins.ts";

/** The hub API, wire-compatible with Scaleway IoT Hub and its Cloud Twins: its operations and its OpenAPI document. */
export function mountHubApi(app: Hono<Peer>, services: Services): void {
  const { config } = services.deps;
  const operations = hubApiOperations(config);
  mount(app, hubApi(config), services, operations);
  serveDocument(app, "/iot/v1/openapi.json", () => hubApiDocument(config, operations));
}

export const hubApiOperations = (config: Config): Operation[] => [
  ...hubOperations,
  ...deviceOperations,
  ...certificateOperations,
  ...deviceDocumentOperations(config),
];

const hubApiDocument = (config: Config, operations: readonly Operation[]) =>
  openApiDocument({
    title: "Twinpost hub API",
    version: VERSION,
    server: config.publicUrl + HUB_API.prefix.replace("{region}", config.region),
    operations,
    error: HubErrorView,
    security: {
      token: { type: "apiKey", in: "header", name: "X-Auth-Token", description: "A user secret, spelled as a UUID." },
    },
    statusesOf: (operation) => ({
      400: "Something of the request is missing, malformed or too large",
      401: "No valid token",
      403: "The role does not permit this, or a quota is reached",
      ...(operation.params && { 404: NOT_IN_ACCOUNT }),
      ...(operation.method !== "get" && { 409: "The name is taken", 412: "The state of things does not allow it" }),
      429: "Too much is waiting; try again after the seconds in Retry-After",
      500: "A fault of the server; nothing was stored",
      503: "Nothing was stored; try again later",
    }),
  });
