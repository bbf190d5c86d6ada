import { join } from "node:path";
import { createAccount } from "../../../src/access/create-account.ts";
import { loadConfig } from "../../../src/config.ts";
import { createLog } from "../../../src/kernel/log.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import { Metrics } from "../../../src/metrics/metrics.ts";
import { type HttpServer, serveHttp } from "../../../src/platform/http.ts";
import { type Net, systemNet } from "../../../src/platform/net.ts";
import { openServer } from "../../../src/server/open-server.ts";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { migratedFolder } from "../store/migrated-folder.ts";
import { TestClock } from "../test-clock.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
export type Json = any;
export type Answer = { status: number; body: Json; headers: Headers };
type Options = { body?: unknown; raw?: BodyInit; headers?: Record<string, string>; address?: string };

export type World = Awaited<ReturnType<typeof openWorld>>;
export type Caller = Awaited<ReturnType<World["createAccount"]>>;

/**
 * A whole server without its socket, on a database of its own: the real store and app, with a clock, a log and (if
 * given) a network that the test controls. Jobs and deliveries run once they are started. `made` is an existing data
 * directory; it is deleted with the world.
 */
export async function openWorld(
  settings: Record<string, string> = {},
  net: Net = systemNet(),
  made?: Awaited<ReturnType<typeof migratedFolder>>,
) {
  const folder = made ?? (await migratedFolder());
  const clock = new TestClock();
  const logged: Json[] = [];
  const log = createLog(
    "debug",
    () => clock.now(),
    (line) => logged.push(JSON.parse(line)),
  );
  const stopping = new AbortController();
  const config = loadConfig({ "data-dir": folder.path, ...settings }, {});
  const server = await openServer({
    config,
    clock,
    random: systemRandom,
    log,
    metrics: new Metrics(),
    stopping: stopping.signal,
    net,
  });
  const { deps, scheduler, deliverer } = server;
  const { store, random } = deps;

  /** One request through the app: status, parsed body and headers of its answer. */
  async function call(method: string, path: string, { body, raw, headers, address }: Options = {}): Promise<Answer> {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const bytes = content === undefined ? undefined : new Uint8Array(await new Response(content).arrayBuffer());
    const request = new Request(`http://twinpost.test${path}`, {
      method,
      headers: { ...(bytes && { "content-length": String(bytes.length) }), ...headers },
      ...(bytes && { body: bytes }),
    });
    const response = await server.handle(request, () => address ?? "192.0.2.1");
    const text = await response.text();
    return { status: response.status, body: text && JSON.parse(text), headers: response.headers };
  }

  /** A caller with a secret or a token, and the requests it can send. */
  const caller = (ids: { account: string; user: string; role: string }, authorization: string) => ({
    ...ids,
    authorization,
    call: (method: string, path: string, body?: unknown, options: Options = {}) =>
      call(method, path, { body, ...options, headers: { authorization, ...options.headers } }),
  });

  /** A new account, with its super admin. */
  const newAccount = async (name = "Meter company") => {
    const { secret, token, ...ids } = await createAccount(store, random, name);
    return { ...caller(ids, secret), token };
  };

  /** A new user of the account, with a role of this statement, and the secret it got for its PIN. */
  async function createUser(by: ReturnType<typeof caller>, statement: Json, name = "Some user") {
    const role = (await by.call("POST", "/roles", { name: "Some role", statement })).body.uuid;
    const user = (await by.call("POST", "/users", { name, role })).body.uuid;
    const { pin } = (await by.call("POST", `/users/${user}/secrets`)).body;
    const redeemed = (await call("POST", `/secrets/${by.account}/${pin}`)).body;
    return { ...caller({ account: by.account, user, role }, redeemed.secret), token: redeemed.token as string };
  }

  /** Queries the database directly: what is committed. */
  function query(sql: string, ...binds: (string | number)[]): Json[] {
    const connection = new Connection(join(folder.path, "twinpost.db"), { readonly: true });
    try {
      return [...connection.all(sql, ...binds)];
    } finally {
      connection.close();
    }
  }

  /** Writes to the database directly, in one transaction, for what would take too long through the app. */
  function seed(write: (connection: Connection) => void): void {
    const connection = new Connection(join(folder.path, "twinpost.db"));
    try {
      connection.run("BEGIN IMMEDIATE");
      write(connection);
      connection.run("COMMIT");
    } finally {
      connection.close();
    }
  }

  const servers: HttpServer[] = [];
  /** Serves the app on a socket, for clients with their own HTTP; returns the URL. */
  function listen(): string {
    const listening = serveHttp({ host: "127.0.0.1", port: 0 }, server.handle);
    servers.push(listening);
    return `http://127.0.0.1:${listening.port}`;
  }

  /** Ends everything except the data directory, and returns that. */
  async function end() {
    for (const listening of servers) await listening.stop(0);
    await scheduler.stop();
    await deliverer.stop(0);
    await store.close();
    return folder;
  }

  return {
    server,
    listen,
    seed,
    end,
    stopping,
    deps,
    store,
    clock,
    logged,
    scheduler,
    deliverer,
    dataDir: folder.path,
    call,
    caller,
    createAccount: newAccount,
    createUser,
    query,
    async [Symbol.asyncDispose]() {
      (await end())[Symbol.dispose]();
    },
  };
}
