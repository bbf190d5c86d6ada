import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

// Files for other machines come from npm packages: libSQL's addons, and Bun's runtimes. The bundler would fetch the
// same runtimes from Bun's release page; here the lockfile pins them like everything else.

const root = join(import.meta.dir, "../..");

/** A package of the lockfile: its exact version, and the digest of its tarball. */
export type Locked = { name: string; version: string; integrity: string };

/** A package is not available, or does not match the lockfile. */
export class PackageError extends Error {
  override name = "PackageError";
}

/** A package's entry in bun.lock. The file is JSON with trailing commas, which the runtime parses. */
export function locked(name: string, lockfile = readFileSync(join(root, "bun.lock"), "utf8")): Locked {
  const { packages } = Bun.JSONC.parse(lockfile) as { packages: Record<string, unknown[]> };
  const entry = packages[name];
  const [spec, integrity] = [entry?.[0], entry?.at(-1)];
  if (typeof spec !== "string" || typeof integrity !== "string") throw new PackageError(`bun.lock has no ${name}`);
  return { name, version: spec.slice(name.length + 1), integrity };
}

export type Source = {
  /** Writes the package's tarball into the folder and returns its path. */
  fetch(wanted: Locked, folder: string): Promise<string>;
  /** The folder that keeps tarballs between builds. */
  cache: string;
};

/** The registry as npm is configured here, including proxies and credentials. */
const registry: Source = {
  cache:
    process.env["TWINPOST_BUILD_CACHE"] ||
    join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "twinpost-build"),
  async fetch({ name, version }, folder) {
    const npm = Bun.which("npm");
    if (!npm) throw new PackageError(`${name}@${version} cannot be fetched: there is no npm on the path`);
    const child = Bun.spawn([npm, "pack", `${name}@${version}`, "--json", "--pack-destination", folder], {
      cwd: folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) {
      const reason = stderr.split("\n").find((line) => /error/i.test(line)) ?? "npm did not say why";
      throw new PackageError(`${name}@${version} cannot be fetched: ${reason.trim()}`);
    }
    const packed = [...new Bun.Glob("*.tgz").scanSync(folder)][0];
    if (!packed) throw new PackageError(`${name}@${version} cannot be fetched: npm packed nothing (${stdout.trim()})`);
    return join(folder, packed);
  },
};

/** One file of a package: from node_modules if the locked version is installed, else from its tarball. */
export async function fileOfPackage(name: string, file: string, source: Source = registry): Promise<Uint8Array> {
  const wanted = locked(name);
  return installed(wanted, file) ?? fileOfTarball(await tarball(wanted, source), wanted, file);
}

function installed({ name, version }: Locked, file: string): Uint8Array | undefined {
  const folder = join(root, "node_modules", name);
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest) || JSON.parse(readFileSync(manifest, "utf8")).version !== version) return undefined;
  return existsSync(join(folder, file)) ? readFileSync(join(folder, file)) : undefined;
}

/**
 * The tarball, from the cache if it is there. Its digest is checked each time, so that no release contains anything
 * that the lockfile does not name, whatever the registry, a proxy or a writer of the cache delivers.
 */
export async function tarball(wanted: Locked, { cache, fetch }: Source): Promise<Uint8Array> {
  const kept = join(cache, `${wanted.name.replace("/", "-").replace("@", "")}-${wanted.version}.tgz`);
  if (existsSync(kept)) {
    const bytes = readFileSync(kept);
    if (hasIntegrity(bytes, wanted)) return bytes;
    rmSync(kept);
  }
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "fetching-"));
  try {
    const fetched = await fetch(wanted, folder);
    const bytes = readFileSync(fetched);
    if (!hasIntegrity(bytes, wanted)) {
      throw new PackageError(
        `${wanted.name}@${wanted.version} is not the package that bun.lock names: its digest differs`,
      );
    }
    // Atomically, because another build may look for it now.
    const whole = join(folder, "whole");
    writeFileSync(whole, bytes);
    renameSync(whole, kept);
    return bytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Digests have the format of subresource integrity: an algorithm, a dash, base64. The lockfile's are all SHA-512. */
function hasIntegrity(bytes: Uint8Array, { integrity }: Locked): boolean {
  return integrity === `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`;
}

async function fileOfTarball(bytes: Uint8Array, { name, version }: Locked, file: string): Promise<Uint8Array> {
  const path = `package/${file}`;
  const found = (await new Bun.Archive(bytes).files(path)).get(path);
  if (!found) throw new PackageError(`${name}@${version} has no ${file}`);
  return new Uint8Array(await found.arrayBuffer());
}
