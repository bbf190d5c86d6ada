import { cpSync } from "node:fs";
import { join } from "node:path";
import { createAccount, startServer, temporaryFolder } from "../test/support/server-process.ts";

// `bun run smoke`: the built executable, copied alone into an empty folder and run there with an empty environment, plays a
// short story twice, before and after a restart. Prints what it did and ends with a line that counts.

const built = join(import.meta.dir, "../dist/twinpost");

using folder = temporaryFolder();
const program = [join(folder.path, "twinpost")];
cpSync(built, program[0] as string);
const options = { dataDir: join(folder.path, "data"), program, cwd: folder.path };

const checks: [string, boolean][] = [];
const check = (what: string, holds: boolean) => checks.push([what, holds]);

const account = await createAccount(options, "Smoke test");
const headers = { authorization: account.secret };
check("the executable creates an account in an empty folder", account.secret.length === 64);

let twin: { creation_certificate: { uuid: string } };
{
  const started = performance.now();
  await using server = await startServer(options);
  const me = await (await fetch(`${server.url}/whoami`, { headers })).json();
  process.stdout.write(`start to first answer: ${(performance.now() - started).toFixed(0)} ms\n`);
  check("it knows the account's first user", (me as { user: string }).user === account.user);
  const created = await fetch(`${server.url}/twins`, {
    method: "POST",
    headers,
    body: '{"description":{"serial":"12345"}}',
  });
  twin = (await created.json()) as typeof twin;
  check("it creates a twin", created.status === 201);
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: object };
  check("it describes itself", "/twins/{twin}" in paths);
  check("it stops in good order", (await server.end("SIGTERM")) === 0);
}
{
  await using server = await startServer(options);
  const found = await fetch(`${server.url}/twins/${twin.creation_certificate.uuid}`, { headers });
  check("a second start keeps the data", Bun.deepEquals(await found.json(), twin));
}

for (const [what, holds] of checks) process.stdout.write(`${holds ? "ok    " : "FAILED"} ${what}\n`);
const failed = checks.filter(([, holds]) => !holds).length;
process.stdout.write(`${checks.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
