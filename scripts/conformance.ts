import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDevice, createHub } from "../test/support/mqtt/mqtt-process.ts";
import { createAccount, startServer, temporaryFolder } from "../test/support/process/server-process.ts";

// `bun scripts/conformance.ts`: runs the vendor's Python client, and a fuzzer that reads our OpenAPI document, against
// the real server. Arguments are passed to pytest, such as `-k twin`. Needs Python with venv, and PyPI on the first
// run.

const root = join(import.meta.dir, "..");
const suite = join(root, "test/conformance");
const cache = join(root, "node_modules/.cache/conformance");
const requirements = join(suite, "requirements.txt");

/** This machine cannot run the tests, which is no fault of the server. */
class Skipped extends Error {
  override name = "Skipped";
}

type Counts = { passed: number; failed: number; skipped: number };
const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

const print = (line: string) => process.stdout.write(`${line}\n`);

/** A Python with the packages of requirements.txt, installed once per content of that file. */
async function preparePython(): Promise<string> {
  const system = Bun.which("python3");
  if (!system) throw new Skipped("there is no python3");
  const venv = join(cache, "venv");
  const python = join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const wanted = `${await Bun.$`${system} --version`.text()}${readFileSync(requirements, "utf8")}`;
  const installed = join(venv, "installed.txt");
  if (existsSync(python) && existsSync(installed) && readFileSync(installed, "utf8") === wanted) return python;

  rmSync(venv, { recursive: true, force: true });
  const made = await Bun.$`${system} -m venv ${venv}`.nothrow().quiet();
  if (made.exitCode !== 0) throw new Skipped(`python3 cannot make a venv: ${`${made.stdout}${made.stderr}`.trim()}`);
  const pip =
    await Bun.$`${python} -m pip install --disable-pip-version-check --quiet --requirement ${requirements}`.nothrow();
  if (pip.exitCode !== 0) throw new Error("pip could not install the requirements");
  writeFileSync(installed, wanted);
  return python;
}

async function runSuite(python: string): Promise<Counts> {
  using folder = temporaryFolder();
  using fuzzedFolder = temporaryFolder();
  const env = { TWINPOST_LOG: "error", TWINPOST_WEBHOOK_ALLOW: "127.0.0.0/8" };
  const asked = { dataDir: folder.path, env };
  const fuzzed = { dataDir: fuzzedFolder.path, env };
  await using server = await startServer(asked);
  await using fuzzedServer = await startServer(fuzzed);
  const setup = {
    url: server.url,
    mqtt: server.mqttUrl,
    accounts: {
      home: await createAccount(asked, "Meter company"),
      foreign: await createAccount(asked, "Other company"),
      fleet: await createAccount(asked, "Owner of many twins"),
    },
    fuzzed: { url: fuzzedServer.url, account: await createAccount(fuzzed) },
  };

  const report = join(cache, "report.xml");
  rmSync(report, { force: true });
  const flags = ["--rootdir", suite, "-p", "no:cacheprovider", "--quiet", "--junitxml", report];
  const child = Bun.spawn([python, "-m", "pytest", ...flags, suite, ...process.argv.slice(2)], {
    cwd: cache, // the fuzzer writes its files here
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: "1",
      TWINPOST_CONFORMANCE: JSON.stringify(setup),
      TWINPOST_BUN: process.execPath, // for the programs that tests compare results with
    },
    stdout: "inherit",
    stderr: "inherit",
  });
  const exitCode = await child.exited;
  const counts = existsSync(report) ? countsOf(readFileSync(report, "utf8")) : NOTHING;
  // Any other failure, such as a suite that does not load, also counts as one.
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function countsOf(junit: string): Counts {
  const [suiteTag = ""] = /<testsuite [^>]*>/.exec(junit) ?? [];
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suiteTag)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  return { failed, skipped: count("skipped"), passed: count("tests") - failed - count("skipped") };
}

/**
 * Eclipse Paho's interoperability suites (github.com/eclipse/paho.mqtt.testing), which are not in this repository: they
 * run from `$TWINPOST_PAHO_SUITE/interoperability` if that is set. They assume a server that refuses `test/nosubscribe`
 * and a maximum keep alive of 60 s.
 */
async function runPaho(python: string): Promise<Counts> {
  const suites = process.env["TWINPOST_PAHO_SUITE"];
  if (!suites) {
    print(
      "Eclipse Paho's interoperability suites are skipped: TWINPOST_PAHO_SUITE names no copy of paho.mqtt.testing.",
    );
    return { ...NOTHING, skipped: 2 };
  }
  using folder = temporaryFolder();
  const asked = { dataDir: folder.path, env: { TWINPOST_LOG: "error", TWINPOST_MQTT_KEEP_ALIVE: "60" } };
  await using server = await startServer(asked);
  const { token } = await createAccount(asked);
  const hub = await createHub(server.url, token, "Paho");
  const filters = { subscribe: { policy: "reject", topics: ["test/nosubscribe"] } };
  const device = await createDevice(server.url, token, hub, "Paho", { message_filters: filters });
  const total = { ...NOTHING };
  for (const name of ["client_test", "client_test5"]) {
    const script = join(suite, "inband/paho_suite.py");
    const command = [python, script, join(suites, "interoperability"), name, new URL(server.mqttUrl).port, device];
    const child = Bun.spawn(command, { cwd: cache, stdout: "pipe", stderr: "inherit" });
    const said = await new Response(child.stdout).text();
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(said) ?? [];
    print(`${name}: ${passed ?? 0} passed, ${failed ?? 1} failed`);
    total.passed += Number(passed ?? 0);
    total.failed += (await child.exited) === 0 ? 0 : Number(failed ?? 1);
  }
  return total;
}

const sum = (one: Counts, other: Counts): Counts => ({
  passed: one.passed + other.passed,
  failed: one.failed + other.failed,
  skipped: one.skipped + other.skipped,
});

async function run(): Promise<Counts> {
  mkdirSync(cache, { recursive: true });
  try {
    const python = await preparePython();
    // Arguments select among our own tests only.
    return process.argv.length > 2 ? await runSuite(python) : sum(await runSuite(python), await runPaho(python));
  } catch (error) {
    const skipped = error instanceof Skipped && process.env["CI"] !== "true";
    print(`The conformance tests did NOT run to their end: ${error instanceof Error ? error.message : error}`);
    return skipped ? { ...NOTHING, skipped: 1 } : { ...NOTHING, failed: 1 };
  }
}

const { passed, failed, skipped } = await run();
print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;
