import { existsSync } from "node:fs";

/** One kind of machine that a file is built for. */
export type Target = {
  /** The suffix of its file's name: `twinpost-linux-x64`. */
  name: string;
  /** Its name for the runtime's bundler. */
  bundler: Bun.Build.CompileTarget;
  /** The npm packages with its runtime and its database addon, and the file needed of each. */
  runtime: { package: string; file: string };
  addon: { package: string; file: string };
  format: "elf" | "mach-o" | "pe";
  arch: "x64" | "arm64";
  /** On Linux, the loader of the C library that starts it. */
  loader?: string;
};

const ADDON_FILE = "index.node";

const linux = (arch: Target["arch"], libc: "gnu" | "musl"): Target => {
  const machine = arch === "x64" ? "x64" : "aarch64";
  const suffix = libc === "musl" ? "-musl" : "";
  const gnuLoader = arch === "x64" ? "/lib64/ld-linux-x86-64.so.2" : "/lib/ld-linux-aarch64.so.1";
  return {
    name: `linux-${arch}${suffix}`,
    bundler: `bun-linux-${arch}${suffix}` as Bun.Build.CompileTarget,
    runtime: { package: `@oven/bun-linux-${machine}${suffix}`, file: "bin/bun" },
    addon: { package: `@libsql/linux-${arch}-${libc}`, file: ADDON_FILE },
    format: "elf",
    arch,
    loader: libc === "gnu" ? gnuLoader : `/lib/ld-musl-${arch === "x64" ? "x86_64" : "aarch64"}.so.1`,
  };
};

const macos = (arch: Target["arch"]): Target => ({
  name: `macos-${arch}`,
  bundler: `bun-darwin-${arch}`,
  runtime: { package: `@oven/bun-darwin-${arch === "x64" ? "x64" : "aarch64"}`, file: "bin/bun" },
  addon: { package: `@libsql/darwin-${arch}`, file: ADDON_FILE },
  format: "mach-o",
  arch,
});

const windows: Target = {
  name: "windows-x64",
  bundler: "bun-windows-x64",
  runtime: { package: "@oven/bun-windows-x64", file: "bin/bun.exe" },
  addon: { package: "@libsql/win32-x64-msvc", file: ADDON_FILE },
  format: "pe",
  arch: "x64",
};

/** Every target of `bun run build --all`. */
export const TARGETS: readonly Target[] = [
  linux("x64", "gnu"),
  linux("arm64", "gnu"),
  linux("x64", "musl"),
  linux("arm64", "musl"),
  macos("x64"),
  macos("arm64"),
  windows,
];

export const fileOf = ({ name, format }: Target) => `twinpost-${name}${format === "pe" ? ".exe" : ""}`;

/** The target of this machine. */
export function ownTarget(): Target {
  const { platform, arch } = process;
  const system = platform === "darwin" ? "macos" : platform === "win32" ? "windows" : platform;
  const name = `${system}-${arch}`;
  const suited = TARGETS.filter((target) => target.name === name || target.name === `${name}-musl`);
  // The C library is the one whose loader exists; glibc's is tried first, since musl may be installed beside it.
  const found = suited.find(({ loader }) => loader === undefined || existsSync(loader));
  if (!found) throw new Error(`there is no libSQL addon for ${name}, so nothing can be built for this machine`);
  return found;
}
