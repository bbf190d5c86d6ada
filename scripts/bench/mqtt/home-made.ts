import { anonymousLogin, type Broker, startScript } from "./broker.ts";
import { startPostgres } from "./postgres.ts";
import { startReference } from "./reference.ts";

/**
 * The stack that one would build instead of us: mosquitto, PostgreSQL, and a worker between them that stores the
 * devices' puts and answers them. The worker may have as many requests in flight as devices send; mosquitto's default
 * limit is 20.
 */
export async function startHomeMade(stack: AsyncDisposableStack): Promise<Broker | { missing: string }> {
  const mosquitto = await startReference(stack, ["max_inflight_messages 0"]);
  if ("missing" in mosquitto) return mosquitto;
  const postgres = await startPostgres(stack);
  if (!postgres) return { missing: "PostgreSQL is not installed here" };
  const places = [mosquitto.urls.tcp as string, postgres.socket, postgres.user];
  const worker = await startScript(stack, "home-made-worker.ts", ...places);
  return {
    ...mosquitto,
    name: "home-made",
    pids: [...mosquitto.pids, worker.pid, postgres.pid],
    documentsOf: (n) => `devices/${anonymousLogin(n).clientId}/documents/`,
  };
}
