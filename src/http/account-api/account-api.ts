import type { Hono } from "hono";
import { assertNotLockedOut } from "../../access/model/statement.ts";
import { PinThrottle } from "../../access/secrets/pin-throttle.ts";
import type { Deps } from "../../deps.ts";
import { forbidden } from "../../kernel/failure.ts";
import { VERSION } from "../../kernel/version.ts";
import { openApiDocument, serveDocument } from "../openapi.ts";
import type { Operation } from "../operation.ts";
import { mount, type Peer, type Services } from "../serve.ts";
import { accountOperations } from "./accounts.ts";
import { deliveryOperations } from "./deliveries.ts";
import { documentOperations } from "./documents.ts";
import { AccountErrorView } from "./errors.ts";
import { identityOperations } from "./identities.ts";
import { ledgerOperations } from "./ledgers.ts";
import { notificationOperations } from "./notifications.ts";
import { roleOperations } from "./roles.ts";
import { secretOperations } from "./secrets.ts";
import { stickerOperations } from "./stickers.ts";
import { ACCOUNT_API } from "./surface.ts";
import { tokenOperations } from "./tokens.ts";
import { twinOperations } from "./twins.ts";
import { UNBUILT, type Unbuilt } from "./unbuilt.ts";
import { userOperations } from "./users.ts";

/** The account API, wire-compatible with Trusted Twin: its operations and its OpenAPI document. */
export function mountAccountApi(app: Hono<Peer>, services: Services): void {
  const operations = accountApiOperations(services.deps);
  mount(
    app,
    ACCOUNT_API,
    services,
    operations.filter(({ alias }) => !alias),
  );
  serveDocument(app, "/openapi.json", () => accountApiDocument(services.deps, operations));
}

/**
 * Operations with two paths, and the original's operations that this server lacks, which are all refused. They are
 * mounted last, in an app of their own: some of these paths overlap with others, and the router that handles overlaps
 * would cost every request a microsecond.
 */
export function mountOverlapping(app: Hono<Peer>, services: Services): void {
  const withAlias = notificationOperations.filter(({ alias }) => alias);
  mount(app, ACCOUNT_API, services, [...withAlias, ...UNBUILT.map(refusing)]);
}

export const accountApiOperations = (deps: Deps): Operation[] => [
  ...accountOperations,
  ...userOperations,
  ...secretOperations(new PinThrottle(deps.clock)),
  ...tokenOperations,
  ...roleOperations,
  ...twinOperations,
  ...identityOperations,
  ...ledgerOperations,
  ...documentOperations(deps.config),
  ...notificationOperations,
  ...deliveryOperations,
  ...stickerOperations,
];

const accountApiDocument = (deps: Deps, operations: Operation[]) =>
  openApiDocument({
    title: "Twinpost account API",
    version: VERSION,
    server: deps.config.publicUrl,
    operations,
    error: AccountErrorView,
    security: {
      secret: {
        type: "apiKey",
        in: "header",
        name: "Authorization",
        description: "A user secret, bare, or a user token.",
      },
      token: { type: "apiKey", in: "header", name: "X-Auth-Token", description: "A user secret, spelled as a UUID." },
    },
    statusesOf: (operation) => ({
      400: "The request is malformed, or the state of things does not allow it",
      ...(operation.gate && { 401: "No valid secret or token", 403: "The caller may not do this" }),
      ...(operation.params && { 404: "No such thing, or not for the caller to know about" }),
      429: "Too much is waiting; try again after the seconds in Retry-After",
      500: "A fault of the server; nothing was stored",
    }),
  });

function refusing({ id, method, path, open }: Unbuilt): Operation {
  const serve = () => {
    throw forbidden(`${id} is not available on this server.`);
  };
  const description = { id, method, path, summary: "", ok: { status: 200, view: AccountErrorView }, serve };
  return { ...description, ...(!open && { gate: assertNotLockedOut }) } as Operation;
}
