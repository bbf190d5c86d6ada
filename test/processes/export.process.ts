import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAccountHere, runHere } from "../support/process/run-here.ts";
import { runTool, startServer, temporaryFolder } from "../support/process/server-process.ts";

const PASSPHRASE = "correct horse battery staple";

test("an account moves from one server to another by the command line", async () => {
  using folder = temporaryFolder();
  const [dataDir, elsewhere, file, secretFile] = ["data", "elsewhere", "account.ndjson", "passphrase"].map((name) =>
    join(folder.path, name),
  ) as [string, string, string, string];
  writeFileSync(secretFile, `${PASSPHRASE}\n`);
  const { account, secret } = await createAccountHere(dataDir);
  {
    await using server = await startServer({ dataDir });
    const made = await fetch(`${server.url}/twins`, {
      method: "POST",
      headers: { authorization: secret },
      body: '{"description":{"note":"one\\u2028line"}}',
    });
    expect(made.status).toBe(201);
    const out = await runHere(["export", "--account", account, file, "--passphrase-file", secretFile], { dataDir });
    expect([out.code, out.stderr]).toEqual([0, ""]);
    const printed = await runTool(["export", "--account", account, "--passphrase-file", secretFile], { dataDir });
    expect(printed.stdout).toBe(readFileSync(file, "utf8"));
    const refused = await runHere(["import", file], { dataDir });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      `twinpost: another twinpost serves ${dataDir}; stop it first\n`,
    ]);
  }
  const options = { dataDir: elsewhere, cwd: folder.path };
  const unsealed = await runHere(["import", file], options);
  expect([unsealed.code, unsealed.stderr]).toEqual([1, expect.stringContaining("line 1: its secrets are sealed")]);
  const done = await runTool(["import", file, "--passphrase-file", secretFile], options);
  expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/^Imported account \S+: \d+ rows\.\n$/)]);
  const back = await runHere(["export", "--account", account, "--passphrase-file", secretFile], options);
  expect(back.stdout).toBe(readFileSync(file, "utf8"));
  expect(readdirSync(folder.path).filter((name) => name.includes("partial"))).toEqual([]);
  await using server = await startServer({ dataDir: elsewhere });
  expect((await fetch(`${server.url}/whoami`, { headers: { authorization: secret } })).status).toBe(200);
});
