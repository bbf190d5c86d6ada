import { expect, test } from "bun:test";
import { createAccountHere, runHere } from "../support/process/run-here.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";
import { openWorld } from "../support/world/world.ts";

// Output and exit codes of command lines. That the process exits with them is tested in
// test/processes/program.process.ts.

test("the operator of the machine gives a locked-out user a new secret", async () => {
  await using world = await openWorld();
  const { dataDir } = world;
  const { user, secret } = await createAccountHere(dataDir);
  const reset = await runHere(["secret", "reset", "--user", user, "--json"], { dataDir });
  expect(reset.code).toBe(0);
  const statusOf = async (authorization: string) =>
    (await world.call("GET", "/whoami", { headers: { authorization } })).status;
  expect(await statusOf(secret)).toBe(401);
  expect(await statusOf(JSON.parse(reset.stdout).secret)).toBe(200);

  const unknownUser = "00000000-0000-4000-8000-000000000000";
  const unknown = await runHere(["secret", "reset", "--user", unknownUser], { dataDir });
  expect([unknown.code, unknown.stderr]).toEqual([1, "twinpost: User not found.\n"]);
});

test("a wrong command line or setting exits with code 2, a failure with 1, and each message says what is wrong", async () => {
  using folder = memoryFolder();
  for (const [args, env, says] of [
    [["fly"], {}, 'no command "fly"'],
    [["account"], {}, 'no command "account"'],
    [["serve", "--fly"], {}, "--fly"],
    [["account", "create"], {}, "--name"],
    [["account", "create", "--name", " "], {}, "--name"],
    [["account", "create", "--name", "a\nb"], {}, "--name"],
    [["secret", "reset", "--user", "me"], {}, "--user"],
    [["serve"], { TWINPOST_HTTP: "nowhere" }, "TWINPOST_HTTP"],
    [["serve"], { TWINPOST_HTTPS: "127.0.0.1:0" }, "TWINPOST_TLS_CERT"],
    [["serve", "--http", "off"], {}, "TWINPOST_HTTP: is off"],
    [["serve"], { TWINPOST_MQTTS: "127.0.0.1:0" }, "TWINPOST_TLS_CERT"],
    [
      ["serve", "--mqtts", "127.0.0.1:0", "--tls-cert", "absent.pem", "--tls-key", "absent.key"],
      {},
      "TWINPOST_TLS_CERT: cannot read absent.pem",
    ],
    [["account", "create", "--name", "x", "--log", "loud"], {}, "TWINPOST_LOG"],
  ] as [string[], Record<string, string>, string][]) {
    const { code, stderr, stdout } = await runHere(args, { dataDir: folder.path, env });
    expect([args, code, stdout]).toEqual([args, 2, ""]);
    expect(stderr).toContain(says);
  }
});

test("help and version are printed", async () => {
  using folder = memoryFolder();
  const help = await runHere(["--help"], { dataDir: folder.path });
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining("twinpost account create --name NAME")]);
  expect((await runHere(["--version"], { dataDir: folder.path })).stdout).toMatch(
    /^twinpost \d+\.\d+\.\d+, commit (unknown|[0-9a-f]{12}(-dirty)?), (Bun|Deno) \d+\.\d+\.\d+\n$/,
  );
});
