import { join } from "node:path";
import { createAccount, startServer } from "../../test/support/process/server-process.ts";

type Check = (what: string, holds: boolean) => void;

/** An account, a twin, and the same twin after a restart: a user's first steps. */
export async function playShortStory(program: readonly string[], folder: string, check: Check): Promise<string> {
  const options = { dataDir: join(folder, "data"), program, cwd: folder };
  const account = await createAccount(options, "Smoke test");
  const headers = { authorization: account.secret };
  check("it creates an account", account.secret.length === 64);
  const page = Bun.spawnSync([...program, "help", "limits"], { cwd: folder });
  check("it prints a page of the manual", page.stdout.toString().startsWith("# Limits"));

  const started = performance.now();
  let summary: string;
  let twin: { creation_certificate: { uuid: string } };
  {
    await using server = await startServer(options);
    const me = await (await fetch(`${server.url}/whoami`, { headers })).json();
    summary = `${(performance.now() - started).toFixed(0)} ms from start to first answer`;
    check("it knows the account's first user", (me as { user: string }).user === account.user);
    const created = await fetch(`${server.url}/twins`, {
      method: "POST",
      headers,
      body: '{"description":{"serial":"12345"}}',
    });
    twin = (await created.json()) as typeof twin;
    check("it creates a twin", created.status === 201);
    for (const path of ["/openapi.json", "/iot/v1/openapi.json"]) {
      const { openapi } = (await (await fetch(`${server.url}${path}`)).json()) as { openapi?: string };
      check(`it describes itself at ${path}`, openapi !== undefined);
    }
    check("it stops in good order", (await server.end("SIGTERM")) === 0);
  }
  await using server = await startServer(options);
  const found = await fetch(`${server.url}/twins/${twin.creation_certificate.uuid}`, { headers });
  check("a second start keeps the data", Bun.deepEquals(await found.json(), twin));
  return summary;
}
