import { expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Locked, locked, PackageError, type Source, tarball } from "../../scripts/build/packages.ts";
import { TARGETS } from "../../scripts/build/targets.ts";
import { temporaryFolder } from "../support/process/server-process.ts";

const sriOf = (bytes: Uint8Array) => `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`;
const GOOD = new TextEncoder().encode("what the lockfile means");
const WANTED: Locked = { name: "@libsql/some-machine", version: "1.2.3", integrity: sriOf(GOOD) };

/** A registry that hands out these bytes, and counts how often it was asked. */
function sourceOf(bytes: Uint8Array, cache: string): Source & { asked: number } {
  const source = {
    asked: 0,
    cache,
    async fetch(_: Locked, folder: string) {
      source.asked += 1;
      const path = join(folder, "package.tgz");
      writeFileSync(path, bytes);
      return path;
    },
  };
  return source;
}

test("the lockfile names the runtime and the addon of each target with a digest", () => {
  for (const { runtime, addon } of TARGETS) {
    for (const { package: name } of [runtime, addon]) {
      const { version, integrity } = locked(name);
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
    }
  }
  expect(() => locked("@libsql/amiga")).toThrow(PackageError);
});

test("a package is downloaded once, and then read from the cache", async () => {
  using folder = temporaryFolder();
  const source = sourceOf(GOOD, join(folder.path, "cache"));
  expect(await tarball(WANTED, source)).toEqual(Buffer.from(GOOD));
  expect(await tarball(WANTED, source)).toEqual(Buffer.from(GOOD));
  expect(source.asked).toBe(1);
  expect(readdirSync(source.cache)).toEqual(["libsql-some-machine-1.2.3.tgz"]);
});

test("a package that is not what the lockfile names is refused and not kept", async () => {
  using folder = temporaryFolder();
  const source = sourceOf(new TextEncoder().encode("something else"), folder.path);
  await expect(tarball(WANTED, source)).rejects.toThrow(
    "@libsql/some-machine@1.2.3 is not the package that bun.lock names",
  );
  await tarball(WANTED, source).catch(() => undefined);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("a kept package that was damaged is fetched again", async () => {
  using folder = temporaryFolder();
  const source = sourceOf(GOOD, folder.path);
  await tarball(WANTED, source);
  writeFileSync(join(folder.path, "libsql-some-machine-1.2.3.tgz"), "damaged");
  expect(await tarball(WANTED, source)).toEqual(Buffer.from(GOOD));
  expect(source.asked).toBe(2);
});

test("a package that cannot be fetched leaves nothing behind", async () => {
  using folder = temporaryFolder();
  const source = { cache: join(folder.path, "cache"), fetch: () => Promise.reject(new PackageError("no network")) };
  await expect(tarball(WANTED, source)).rejects.toThrow("no network");
  await tarball(WANTED, source).catch(() => undefined);
  expect(existsSync(source.cache) ? readdirSync(source.cache) : []).toEqual([]);
});
