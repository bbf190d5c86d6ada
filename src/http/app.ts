import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { Authenticator } from "../access/model/authenticate.ts";
import type { Deps } from "../deps.ts";
import { stopwatchMs } from "../kernel/clock.ts";
import { notFound } from "../kernel/failure.ts";
import { RequestTurns } from "../kernel/fairness/request-turns.ts";
import { mountAccountApi, mountOverlapping } from "./account-api/account-api.ts";
import { ACCOUNT_API } from "./account-api/surface.ts";
import { announcedLength, respondWithoutReadingBody } from "./body.ts";
import { mountHubApi } from "./hub-api/hub-api.ts";
import { HUB_API, HUB_PATHS } from "./hub-api/surface.ts";
import { mountMonitoring } from "./monitoring.ts";
import { registerBodyMetrics, responseCounter } from "./request-metrics.ts";
import { addressOf, type Peer, refuse, unauthenticatedOwner } from "./serve.ts";

const CORS_MAX_AGE_SECONDS = 600;

/**
 * The whole REST app. A trailing slash makes no difference; an unknown path, or a known one with another method, is
 * 404.
 */
export function createApp(deps: Deps): Hono<Peer> {
  const app = new Hono<Peer>({ strict: false });
  if (deps.config.corsOrigins.length > 0) {
    const allow = cors({
      origin: deps.config.corsOrigins,
      allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
      allowHeaders: ["Authorization", "Content-Type", "X-TrustedTwin", "X-Auth-Token", "If-Match"],
      exposeHeaders: ["ETag", "Link"],
      maxAge: CORS_MAX_AGE_SECONDS,
    });
    app.use(async (c, next) => {
      const preflight = await allow(c, next);
      return preflight && respondWithoutReadingBody(announcedLength(c.req.raw), preflight);
    });
  }
  registerBodyMetrics(deps.metrics, deps.bodies);
  if (!deps.config.admin) mountMonitoring(app, deps);
  const services = { deps, authenticator: new Authenticator(deps), turns: new RequestTurns() };
  mountAccountApi(app, services);
  mountHubApi(app, services);
  const surfaceOf = (path: string) => (path.startsWith(HUB_PATHS) ? HUB_API : ACCOUNT_API);
  const answered = {
    account: responseCounter(deps.metrics, ACCOUNT_API, "none"),
    hub: responseCounter(deps.metrics, HUB_API, "none"),
  };
  const refuseHere = (c: Context<Peer>, error: unknown) => {
    const began = stopwatchMs();
    const surface = surfaceOf(c.req.path);
    const response = refuse(surface, deps, c, error, deps.random.uuid());
    answered[surface.name](response.status, began);
    return respondWithoutReadingBody(announcedLength(c.req.raw), response);
  };
  app.onError((error, c) => refuseHere(c, error));

  const rest = new Hono<Peer>({ strict: false });
  mountOverlapping(rest, services);
  rest.notFound(async (c) => {
    await services.turns.enter(unauthenticatedOwner(addressOf(deps, c)));
    return refuseHere(c, notFound("Resource", ""));
  });
  app.notFound((c) => rest.fetch(c.req.raw, c.env));
  return app;
}
