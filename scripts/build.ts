import { statSync } from "node:fs";
import { join } from "node:path";
import { familySync, MUSL } from "detect-libc";

// `bun run build`: one executable for this machine in dist/, with the libSQL addon, the migrations and everything else inside.

const root = join(import.meta.dir, "..");
const outfile = join(root, "dist", process.platform === "win32" ? "twinpost.exe" : "twinpost");

/** The package of the addon that fits this machine. */
function addonPackage(): string {
  const { arch, platform } = process;
  if (platform === "linux") return `@libsql/linux-${arch}-${familySync() === MUSL ? "musl" : "gnu"}`;
  return platform === "win32" ? `@libsql/win32-${arch}-msvc` : `@libsql/${platform}-${arch}`;
}

/** The bundler only carries an addon whose `require` names it literally; libsql computes the name. */
const COMPUTED_REQUIRE = /require\(`@libsql\/\$\{target\}`\)/;

const addon: Bun.BunPlugin = {
  name: "libsql-addon",
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]libsql[\\/](index|promise)\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const contents = source.replace(COMPUTED_REQUIRE, `require(${JSON.stringify(addonPackage())})`);
      if (contents === source) throw new Error("libsql loads its addon in a new way: the build has to follow");
      return { contents, loader: "js" };
    });
  },
};

const started = performance.now();
const result = await Bun.build({
  entrypoints: [join(root, "src/main.ts")],
  compile: { outfile },
  plugins: [addon],
  minify: { syntax: true, whitespace: true },
  target: "bun",
});
if (!result.success) throw new AggregateError(result.logs, "the build failed");

const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
process.stdout.write(`${outfile}: ${megabytes} MB in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
