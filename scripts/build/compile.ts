import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { faultOfSignature, signedAdHoc } from "./code-signature.ts";
import { readExecutable } from "./executable-format.ts";
import { faultsOf } from "./inspect.ts";
import { fileOfPackage, locked, PackageError } from "./packages.ts";
import { sourceCommit } from "./source-commit.ts";
import { ownTarget, type Target } from "./targets.ts";

const root = join(import.meta.dir, "../..");

/**
 * The driver computes the name of its addon, but the bundler only includes an addon whose `require` names it literally.
 */
const COMPUTED = "} = requireNative();";

const addonPlugin = (addonFile: string): Bun.BunPlugin => ({
  name: "libsql-addon",
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]libsql[\\/](index|promise)\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const loader = JSON.stringify(join(root, "src/platform/addon.ts"));
      const literal = `} = require(${loader}).loadAddon(() => require(${JSON.stringify(addonFile)}));`;
      if (source.split(COMPUTED).length !== 2) {
        throw new Error("libsql loads its addon in a new way: the build has to follow");
      }
      return { contents: source.replace(COMPUTED, () => literal), loader: "js" };
    });
  },
});

/** Builds the executable for a target, and returns the faults found in it: with any, the file is useless. */
export async function compile(target: Target, outfile: string): Promise<string[]> {
  const bundled = locked(target.runtime.package).version;
  if (Bun.version !== bundled) {
    throw new PackageError(
      `this is Bun ${Bun.version}, and ${bundled} has to build: the runtime inside has to fit its bundler`,
    );
  }
  const folder = mkdtempSync(join(tmpdir(), "twinpost-build-"));
  try {
    const runtime = target === ownTarget() ? process.execPath : join(folder, "runtime");
    if (runtime !== process.execPath) {
      const bytes = await fileOfPackage(target.runtime.package, target.runtime.file);
      writeFileSync(runtime, bytes, { mode: 0o700 });
    }
    const addon = await fileOfPackage(target.addon.package, target.addon.file);
    const addonFile = join(folder, "libsql.node");
    writeFileSync(addonFile, addon);
    const result = await Bun.build({
      entrypoints: [join(root, "src/main.ts"), join(root, "src/writer.ts")],
      compile: {
        target: target.bundler,
        executablePath: runtime,
        outfile,
        // Files in the folder where the executable is started must not matter: settings are flags and the environment,
        // and a bunfig.toml there could even name code to run.
        autoloadBunfig: false,
        autoloadDotenv: false,
      },
      define: { TWINPOST_COMMIT: JSON.stringify(sourceCommit(root) ?? "") },
      plugins: [addonPlugin(addonFile)],
      // Parsing at each start would take 100 of 260 ms of processor time; the bytecode adds 5 MB. It is the same for
      // all machines.
      bytecode: true,
      format: "esm",
      minify: { syntax: true, whitespace: true },
      target: "bun",
    });
    if (!result.success) throw new AggregateError(result.logs, "the build failed");
    await sign(outfile);
    return faultsOf(await Bun.file(outfile).bytes(), addon, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Signs a file for macOS again if the bundler left it with a signature that does not match. */
async function sign(outfile: string): Promise<void> {
  const file = await Bun.file(outfile).bytes();
  const program = readExecutable(file);
  if (program?.format !== "mach-o" || !program.signature || !faultOfSignature(file, program.signature)) return;
  writeFileSync(outfile, signedAdHoc(file));
}
