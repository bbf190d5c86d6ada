import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { createMonitoringApp } from "../../src/http/monitoring.ts";
import { temporaryFolder } from "../support/process/server-process.ts";
import { openWorld } from "../support/world/world.ts";

// What the files for other people's machines promise, as far as it can be read off them.

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

type Service = {
  internal_port: number;
  auto_stop_machines: string;
  auto_start_machines: boolean;
  min_machines_running: number;
  ports?: { port: number; handlers?: string[] }[];
};
type Fly = {
  env: Record<string, string>;
  http_service: Service & { force_https: boolean };
  services: Service[];
  checks: Record<string, { port: number; path: string }>;
  metrics: { port: number; path: string };
  mounts: { destination: string };
  files: { guest_path: string }[];
  build: { dockerfile: string };
};
const fly = Bun.TOML.parse(read("fly.toml")) as Fly;
const portOf = (name: string) => Number(fly.env[name]?.split(":").at(-1));

test("on Fly no machine is stopped while devices are connected", () => {
  for (const service of [fly.http_service, ...fly.services]) {
    expect(service).toMatchObject({
      auto_stop_machines: "off",
      auto_start_machines: false,
      min_machines_running: 1,
    });
  }
});

test("on Fly devices reach our own TLS, byte by byte, and all else is HTTPS", () => {
  expect(fly.services).toHaveLength(1);
  const [mqtts] = fly.services;
  expect(mqtts?.ports).toEqual([{ port: 8883 }]);
  expect(mqtts?.internal_port).toBe(portOf("TWINPOST_MQTTS"));
  expect(fly.env["TWINPOST_MQTT"]).toBe("off");
  expect([fly.http_service.internal_port, fly.http_service.force_https]).toEqual([portOf("TWINPOST_HTTP"), true]);
  for (const name of ["TWINPOST_TLS_CERT", "TWINPOST_TLS_KEY"]) {
    expect(fly.files.map((file) => file.guest_path)).toContain(fly.env[name] as string);
  }
});

test("Fly's health checks and metrics are served on the admin address, and no public service leads to it", async () => {
  const asked = [...Object.values(fly.checks), fly.metrics];
  expect(asked.map(({ path }) => path)).toEqual(["/readyz", "/metrics"]);
  await using world = await openWorld({ admin: fly.env["TWINPOST_ADMIN"] as string });
  const admin = createMonitoringApp(world.deps);
  for (const { port, path } of asked) {
    expect(port).toBe(portOf("TWINPOST_ADMIN"));
    expect((await admin.fetch(new Request(`http://fly.test${path}`))).status).toBe(200);
  }
  const led = [fly.http_service, ...fly.services].map((service) => service.internal_port);
  expect(led).not.toContain(portOf("TWINPOST_ADMIN"));
});

test("on Fly the data is on the volume, and the image is ours", () => {
  expect(fly.env["TWINPOST_DATA_DIR"]).toBe(fly.mounts.destination);
  expect(read(fly.build.dockerfile)).toContain('ENTRYPOINT ["/twinpost"]');
});

test("every file that names a Bun version names the lockfile's", () => {
  const workflows = readdirSync(join(root, ".github/workflows")).map((name) => `.github/workflows/${name}`);
  for (const path of [
    ".ci/run",
    "README.md",
    "src/docs/contributing.md",
    "scripts/Dockerfile",
    "scripts/ci.ts",
    ...workflows,
  ]) {
    for (const [, version] of read(path).matchAll(/\bbun[@:](\d+\.\d+\.\d+)/g)) {
      expect([path, version]).toEqual([path, manifest.devDependencies.bun]);
    }
  }
});

test("a workflow has read-only permissions by default, and its commands contain no text that others write", () => {
  for (const name of readdirSync(join(root, ".github/workflows"))) {
    const text = read(`.github/workflows/${name}`);
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
    for (const [run] of text.matchAll(/run: .*(?:\n {10,}.*)*/g)) expect(run).not.toContain("${{");
  }
});

const workflowNames = readdirSync(join(root, ".github/workflows"));

test("every action and container image that a build uses is pinned by digest", () => {
  for (const name of workflowNames) {
    const text = read(`.github/workflows/${name}`);
    for (const [, used] of text.matchAll(/uses: (.*)/g)) {
      expect([name, used]).toEqual([name, expect.stringMatching(/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)]);
    }
    for (const [, image] of text.matchAll(/IMAGE: (.*)/g)) expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(text).not.toMatch(/docker run .*\b(alpine|debian|ubuntu|node):/);
  }
  const dockerfile = read("scripts/Dockerfile");
  const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(images.length).toBe(2);
  for (const image of images) expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
  // It would name an image that reads the rest of the file.
  expect(dockerfile).not.toContain("syntax=");
});

test("the job that attests files builds them and does nothing else", () => {
  const jobs = read(".github/workflows/release.yml")
    .split(/^ {2}(?=[\w-]+:$)/m)
    .filter((job) => /id-token|attestations/.test(job));
  expect(jobs.length).toBe(1);
  const [job = ""] = jobs;
  expect([...job.matchAll(/uses: actions\/([\w-]+)/g)].map(([, action]) => action)).toEqual([
    "checkout",
    "setup-node",
    "attest-build-provenance",
    "upload-artifact",
  ]);
  expect([...job.matchAll(/run: (.*)/g)].map(([, run]) => run)).toEqual([
    expect.stringContaining("GITHUB_REF_NAME"),
    'node scripts/build/fetch-bun.ts "$RUNNER_TEMP/bun"',
    "$RUNNER_TEMP/bun/bun install --production --frozen-lockfile --ignore-scripts",
    "$RUNNER_TEMP/bun/bun scripts/build.ts --all",
  ]);
  expect(job).toContain("needs: test");
});

test("what the build runs imports no package that only development needs", async () => {
  const scanner = new Bun.Transpiler({ loader: "ts" });
  const seen = new Set<string>();
  const packages = new Set<string>();
  const look = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { path: wanted } of scanner.scanImports(readFileSync(path, "utf8"))) {
      if (wanted.startsWith(".") && wanted.endsWith(".ts")) look(join(dirname(path), wanted));
      else if (!wanted.startsWith(".")) packages.add(wanted);
    }
  };
  for (const entry of ["scripts/build.ts", "scripts/build/fetch-bun.ts", "src/main.ts", "src/writer.ts"])
    look(join(root, entry));
  expect(seen.size).toBeGreaterThan(100);
  for (const name of Object.keys(manifest.devDependencies)) expect([...packages]).not.toContain(name);
});

test("a downloaded Bun that does not match the lockfile is refused", async () => {
  using folder = temporaryFolder();
  const npm = join(folder.path, "npm");
  // A registry that hands out something else.
  writeFileSync(npm, '#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\necho forged > "$1/forged.tgz"\n', { mode: 0o755 });
  const child = Bun.spawn([process.execPath, join(root, "scripts/build/fetch-bun.ts"), join(folder.path, "into")], {
    env: { PATH: `${folder.path}:/usr/bin:/bin` },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [complaint, code] = [await new Response(child.stderr).text(), await child.exited];
  expect([code, complaint]).toEqual([
    1,
    expect.stringContaining(`${manifest.devDependencies.bun} is not the package that bun.lock names`),
  ]);
  expect(readdirSync(join(folder.path, "into"))).toEqual([]);
});

test("the systemd unit limits the server's memory, tasks, files and ports, and hides what it does not need", () => {
  const unit = read("scripts/twinpost.service");
  for (const name of ["MemoryHigh", "MemoryMax", "TasksMax", "LimitNOFILE", "SocketBindDeny", "IPAddressDeny"]) {
    expect(unit).toMatch(new RegExp(`^${name}=\\S+`, "m"));
  }
  expect(unit).toMatch(/^ProcSubset=pid$/m);
  // Of every address that the manual and the settings name.
  for (const port of [8080, 1883, 8883, 9091]) expect(unit).toContain(`SocketBindAllow=tcp:${port}\n`);
});
