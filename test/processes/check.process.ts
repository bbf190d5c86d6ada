import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createAccountHere } from "../support/process/run-here.ts";
import { runTool, startServer, temporaryFolder } from "../support/process/server-process.ts";

test("a check works while a server writes, and exits with code 1 if it finds a problem", async () => {
  using folder = temporaryFolder();
  const dataDir = folder.path;
  const { secret } = await createAccountHere(dataDir);
  await using server = await startServer({ dataDir });
  let writing = true;
  const writes = (async () => {
    while (writing)
      await fetch(`${server.url}/twins`, { method: "POST", headers: { authorization: secret }, body: "{}" });
  })();
  for (let i = 0; i < 2; i++) {
    const { code, stdout } = await runTool(["check"], { dataDir });
    expect([code, stdout]).toEqual([0, `${dataDir}: nothing found\n`]);
  }
  writing = false;
  await writes;

  writeFileSync(`${dataDir}/master.key`, randomBytes(32));
  const { code, stdout } = await runTool(["check"], { dataDir });
  expect([code, stdout]).toEqual([1, "master.key is not the master key that the database was written with\n"]);
});
