import { faultOfSignature } from "./code-signature.ts";
import { type Executable, readExecutable } from "./executable-format.ts";
import type { Target } from "./targets.ts";

/** The faults of a built file: it must be for the machine that it is named after, and contain that machine's addon. */
export function faultsOf(file: Uint8Array, addon: Uint8Array, target: Target): string[] {
  const faults: string[] = [];
  const program = readExecutable(file);
  faults.push(...mismatches("the file", program, target, "program"));
  if (program?.format === "elf" && program.loader !== target.loader) {
    faults.push(`the file is started by ${program.loader}, not by ${target.loader}`);
  }
  if (program?.format === "mach-o") {
    const { signature } = program;
    const fault = signature ? faultOfSignature(file, signature) : "there is no signature";
    if (fault) faults.push(fault);
  }

  const library = readExecutable(addon);
  faults.push(...mismatches("the addon", library, target, "library"));
  if (library?.format === "elf" && target.loader) {
    const wanted = target.loader.includes("musl") ? "musl" : "glibc";
    if (libcOf(library.libraries) !== wanted)
      faults.push(`the addon needs ${library.libraries}, and this is for ${wanted}`);
  }
  if (Buffer.from(file.buffer, file.byteOffset, file.byteLength).indexOf(addon) < 0) {
    faults.push("the addon is not inside the file");
  }
  return faults;
}

function mismatches(what: string, found: Executable | undefined, { format, arch }: Target, kind: Executable["kind"]) {
  const wanted = { format, arch, kind };
  if (!found) return [`${what} is no executable of any kind we know`];
  return (Object.keys(wanted) as (keyof typeof wanted)[])
    .filter((key) => found[key] !== wanted[key])
    .map((key) => `${what} has the ${key} ${found[key]}, not ${wanted[key]}`);
}

const libcOf = (libraries: string[]) => (libraries.includes("libc.so.6") ? "glibc" : "musl");
