import { expect, test } from "bun:test";
import { join } from "node:path";
import { Wire } from "../../support/http/http-connection.ts";
import { createAccount, SOURCE, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { auditOf } from "../audit/audit-data-dir.ts";
import { start } from "../server/start-server.ts";

const MINUTE = 60_000;

const below = (bound: number) => Math.floor(Math.random() * bound);

test(
  "a server that is killed while it creates its database creates it at the next start",
  async () => {
    for (let attempt = 0; attempt < 10; attempt++) {
      using folder = temporaryFolder();
      const dataDir = folder.path;
      const quiet = ["--http", "127.0.0.1:0", "--mqtt", "off", "--log", "silent"];
      const command = [...SOURCE, "serve", "--data-dir", dataDir, ...quiet];
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", cwd: dataDir });
      const served = child.stdout.getReader().read();
      await Promise.race([served, Bun.sleep(50 + below(350))]);
      child.kill("SIGKILL");
      await child.exited;

      const account = await createAccount({ dataDir });
      const { server } = await start(dataDir, account);
      await using _ = server;
      auditOf(dataDir);
    }
  },
  2 * MINUTE,
);

/**
 * Another process that opens the database, reads and closes it, over and over: the last to close locks it for a moment.
 */
function startVisitor(dataDir: string) {
  const script = `
    const { default: Database } = await import(${JSON.stringify(import.meta.resolve("libsql"))});
    for (;;) {
      const database = new Database(${JSON.stringify(join(dataDir, "twinpost.db"))});
      try { database.exec("SELECT count(*) FROM accounts"); } catch {}
      database.close();
      await Bun.sleep(0);
    }`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "inherit", stderr: "inherit" });
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test(
  "a server starts and accounts are created although other processes open and close the database at the same moment",
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    await using _ = startVisitor(dataDir);
    for (let attempt = 0; attempt < 8; attempt++) {
      const { server } = await start(dataDir, account);
      await server.end("SIGKILL");
      await createAccount({ dataDir });
    }
  },
  2 * MINUTE,
);

test(
  "a server and accounts are started in an empty folder, all at once",
  async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      using folder = temporaryFolder();
      const dataDir = folder.path;
      const creating = Promise.allSettled(Array.from({ length: 4 }, () => createAccount({ dataDir })));
      await using server = await startServer({ dataDir });
      const outcomes = await creating;
      expect(outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []))).toEqual(
        [],
      );
      const created = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      const wire = await Wire.open(server.url);
      for (const { secret } of created) {
        expect((await wire.call("GET", "/whoami", { headers: { authorization: secret } })).status).toBe(200);
      }
    }
  },
  2 * MINUTE,
);
