import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { openAuthority } from "../support/http/certificates.ts";
import { dialTcp, dialWebSocket } from "../support/http/raw-wires.ts";
import { createAccountHere } from "../support/process/run-here.ts";
import { createAccount, runTool, SOURCE, startServer, temporaryFolder } from "../support/process/server-process.ts";

// The program as processes: exit codes and output. What needs no process is tested in test/cli/.

const run = (args: string[], dataDir: string, env: Record<string, string> = {}) => runTool(args, { dataDir, env });

/** A server shared by several tests: none of them stops it. */
const standing = { folder: temporaryFolder(), server: undefined as unknown as Awaited<ReturnType<typeof startServer>> };
beforeAll(async () => {
  standing.server = await startServer({ dataDir: standing.folder.path });
});
afterAll(async () => {
  await standing.server.end();
  standing.folder[Symbol.dispose]();
});

test("an account created before the first start, or while a server runs, can be used at once", async () => {
  using folder = temporaryFolder();
  const early = await createAccountHere(folder.path);
  await using server = await startServer({ dataDir: folder.path });
  const late = await createAccount({ dataDir: folder.path });
  for (const { secret, token, ...ids } of [early, late]) {
    const answer = await fetch(`${server.url}/whoami`, { headers: { authorization: secret } });
    expect(await answer.json()).toEqual(ids);
    const byToken = await fetch(`${server.url}/whoami`, { headers: { "x-auth-token": token } });
    expect(await byToken.json()).toEqual(ids);
  }
  expect(await server.end("SIGTERM")).toBe(0);
});

test("an account's data survives a restart", async () => {
  using folder = temporaryFolder();
  const { secret } = await createAccountHere(folder.path);
  const headers = { authorization: secret };
  const first = await startServer({ dataDir: folder.path });
  const made = await fetch(`${first.url}/twins`, { method: "POST", headers, body: '{"description":{"a":1}}' });
  const twin = (await made.json()) as { creation_certificate: { uuid: string } };
  const token = await fetch(`${first.url}/token`, { method: "POST", headers });
  const jwt = ((await token.json()) as { token: string }).token;
  await first.end("SIGKILL");

  await using second = await startServer({ dataDir: folder.path });
  const found = await fetch(`${second.url}/twins/${twin.creation_certificate.uuid}`, {
    headers: { authorization: jwt },
  });
  expect(await found.json()).toEqual(twin);
});

test("a second server on the same data directory is refused with a plain message", async () => {
  const { folder } = standing;
  const second = await run(["serve", "--http", "127.0.0.1:0"], folder.path);
  expect([second.code, second.stderr]).toEqual([
    1,
    `twinpost: another twinpost serves ${folder.path}; stop it first\n`,
  ]);
});

test("an address in use stops the start with a plain message", async () => {
  using other = temporaryFolder();
  const address = standing.server.url.replace("http://", "");
  const { code, stderr } = await run(["serve", "--http", address, "--mqtt", "off"], other.path);
  expect([code, stderr]).toEqual([1, `twinpost: cannot listen on ${address}: EADDRINUSE\n`]);
});

test("the addresses for devices are printed, without those that are off", async () => {
  using authority = openAuthority();
  using folder = temporaryFolder();
  const { cert, key } = await authority.issue("localhost");
  const files = { TWINPOST_TLS_CERT: join(folder.path, "cert.pem"), TWINPOST_TLS_KEY: join(folder.path, "key.pem") };
  await Bun.write(files.TWINPOST_TLS_CERT, cert);
  await Bun.write(files.TWINPOST_TLS_KEY, key);
  const lineOf = async (env: Record<string, string>) => {
    const child = Bun.spawn([...SOURCE, "serve", "--http", "127.0.0.1:0", "--data-dir", folder.path], {
      env: { PATH: process.env["PATH"], TWINPOST_LOG: "silent", ...env },
      stdout: "pipe",
      stderr: "inherit",
    });
    let printed = "";
    for await (const part of child.stdout) {
      if (printed === "") child.kill("SIGTERM");
      printed += new TextDecoder().decode(part);
    }
    expect(await child.exited).toBe(0);
    return printed.replaceAll(/:\d{2,}/g, ":PORT").split("\n")[0];
  };
  const every = { TWINPOST_MQTT: "127.0.0.1:0", TWINPOST_MQTTS: "127.0.0.1:0", ...files };
  expect(await lineOf(every)).toMatch(
    /^Twinpost \S+ serves http:\/\/127\.0\.0\.1:PORT, mqtt:\/\/127\.0\.0\.1:PORT, mqtts:\/\/127\.0\.0\.1:PORT$/,
  );
  const secure = { TWINPOST_HTTPS: "127.0.0.1:0", TWINPOST_MQTT: "off", ...files };
  expect(await lineOf(secure)).toMatch(/^Twinpost \S+ serves http:\/\/127\.0\.0\.1:PORT, https:\/\/127\.0\.0\.1:PORT$/);
  expect(await lineOf({ TWINPOST_MQTT: "off" })).toMatch(/^Twinpost \S+ serves http:\/\/127\.0\.0\.1:PORT$/);
});

test("a server that stops disconnects its devices, and does not wait for silent ones", async () => {
  using folder = temporaryFolder();
  await using server = await startServer({ dataDir: folder.path });
  const port = (url: string | undefined) => Number(url?.split(":").at(-1));
  const wires = [await dialTcp(port(server.mqttUrl)), await dialWebSocket(port(server.url))];
  const began = performance.now();
  expect(await server.end("SIGTERM")).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000);
  await Promise.all(wires.map(({ closed }) => closed));
});

test("help is printed, and a wrong command line exits with code 2", async () => {
  using folder = temporaryFolder();
  const help = await run(["--help"], folder.path);
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining("twinpost account create --name NAME")]);
  const wrong = await run(["fly"], folder.path);
  expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([2, "", expect.stringContaining('no command "fly"')]);
});

test("a first start says how to create the first account, a later one does not", async () => {
  using folder = temporaryFolder();
  const startAndStop = async () => {
    const child = Bun.spawn(
      [process.execPath, "src/main.ts", "serve", "--http", "127.0.0.1:0", "--mqtt", "off", "--data-dir", folder.path],
      {
        stdout: "pipe",
        stderr: "ignore",
      },
    );
    let printed = "";
    for await (const part of child.stdout) {
      if (printed === "") child.kill("SIGTERM");
      printed += new TextDecoder().decode(part);
    }
    expect(await child.exited).toBe(0);
    return printed;
  };
  expect(await startAndStop()).toContain(`account create --name NAME --data-dir ${folder.path}\n`);
  await createAccountHere(folder.path);
  expect(await startAndStop()).not.toContain("account create");
});

test("only the program's user can read the files that it writes, even in a folder that other users could read before", async () => {
  using folder = temporaryFolder();
  chmodSync(folder.path, 0o755);
  const path = (name: string) => join(folder.path, name);
  const { account } = await createAccount({ dataDir: folder.path });
  await using server = await startServer({ dataDir: folder.path });
  expect((await run(["backup", path("a.backup")], folder.path)).code).toBe(0);
  expect((await run(["export", "--account", account, path("a.ndjson")], folder.path)).code).toBe(0);
  const files = [
    "twinpost.db",
    "twinpost.db-wal",
    "twinpost.db-shm",
    "master.key",
    "server.lock",
    "a.backup",
    "a.ndjson",
  ];
  const modes = [folder.path, ...files.map(path)]
    .filter(existsSync)
    .map((file) => (statSync(file).mode & 0o777).toString(8));
  expect(modes).toEqual(["700", ...files.map(() => "600")]);
  expect(await server.end("SIGTERM")).toBe(0);
});
