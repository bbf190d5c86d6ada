import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { createMonitoringApp } from "../../src/http/monitoring.ts";
import { openWorld } from "../support/world.ts";

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

test("what Fly asks for is answered where it asks, and no service leads others there", async () => {
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

test("every file that names a Bun names the one of the lockfile", () => {
  const workflows = readdirSync(join(root, ".github/workflows")).map((name) => `.github/workflows/${name}`);
  for (const path of [".ci/run", "README.md", "scripts/Dockerfile", "scripts/ci.ts", ...workflows]) {
    for (const [, version] of read(path).matchAll(/\bbun[@:](\d+\.\d+\.\d+)/g)) {
      expect([path, version]).toEqual([path, manifest.devDependencies.bun]);
    }
  }
});

test("a workflow may do no more than it says, and nothing that others write is put into its commands", () => {
  for (const name of readdirSync(join(root, ".github/workflows"))) {
    const text = read(`.github/workflows/${name}`);
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
    for (const [run] of text.matchAll(/run: .*(?:\n {10,}.*)*/g)) expect(run).not.toContain("${{");
  }
});
