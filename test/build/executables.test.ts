import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { faultOfSignature, signedAdHoc } from "../../scripts/build/code-signature.ts";
import { type Executable, readExecutable } from "../../scripts/build/executable-format.ts";
import { faultsOf } from "../../scripts/build/inspect.ts";
import { ownTarget, TARGETS, type Target } from "../../scripts/build/targets.ts";
import { machO, pe } from "./headers.ts";

// What the build looks at in the files it has made for machines that are not here.

const targetCalled = (name: string) => TARGETS.find((target) => target.name === name) as Target;
const addonOf = ({ addon }: Target) => join(import.meta.dir, "../../node_modules", addon.package, addon.file);
const isLinux = process.platform === "linux";

test("the format, architecture and loader of the running runtime's executable are recognised", () => {
  const { format, arch, loader } = ownTarget();
  const found = readExecutable(readFileSync(process.execPath));
  expect(found).toMatchObject({ format, arch, kind: "program", ...(loader && { loader }) });
});

for (const libc of ["gnu", "musl"]) {
  const file = addonOf(targetCalled(libc === "gnu" ? "linux-x64" : "linux-x64-musl"));
  test.skipIf(!existsSync(file))(`the addon for ${libc} is told by the C library it asks for`, () => {
    const found = readExecutable(readFileSync(file)) as Executable & { format: "elf" };
    expect([found.format, found.arch, found.kind]).toEqual(["elf", "x64", "library"]);
    expect(found.libraries).toContain(libc === "gnu" ? "libc.so.6" : "libc.so");
  });
}

test("programs and libraries of macOS and Windows are recognised", () => {
  expect(readExecutable(machO("arm64"))).toMatchObject({ format: "mach-o", arch: "arm64", kind: "program" });
  expect(readExecutable(machO("x64", { program: false }))).toMatchObject({ arch: "x64", kind: "library" });
  expect(readExecutable(pe("x64"))).toEqual({ format: "pe", arch: "x64", kind: "program" });
  expect(readExecutable(pe("arm64", { library: true }))).toEqual({ format: "pe", arch: "arm64", kind: "library" });
});

test("any file is read without an error, and a file that is too short is not an executable", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(machO("x64"), pe("x64")), (noise, whole) => {
      readExecutable(noise);
      const changed = whole.slice();
      changed.set(noise.subarray(0, 300), 4);
      readExecutable(changed);
      expect(readExecutable(whole.slice(0, 60))).toBeUndefined();
    }),
  );
});

test("a macOS file that was changed after signing is detected, and is valid after it is signed again", () => {
  const changed = signedAdHoc(machO("x64"));
  const place = (readExecutable(changed) as Executable & { format: "mach-o" }).signature as never;
  expect(faultOfSignature(changed, place)).toBeUndefined();
  changed[5000] = 8;
  expect(faultOfSignature(changed, place)).toBe("page 1 of 2 is not what was signed");
  expect(faultOfSignature(signedAdHoc(changed), place)).toBeUndefined();
  expect(signedAdHoc(signedAdHoc(changed))).toEqual(signedAdHoc(changed));
});

test("a file whose header names a signature that is missing is detected", () => {
  const unsigned = machO("arm64");
  const place = (readExecutable(unsigned) as Executable & { format: "mach-o" }).signature as never;
  expect(faultOfSignature(unsigned, place)).toBe("there is no signature where the header says");
});

/** A program with an addon somewhere in it. */
const withInside = (program: Uint8Array, addon: Uint8Array) => new Uint8Array(Buffer.concat([program, addon]));

test("a file is fit for its target only with that target's addon inside", () => {
  const addon = pe("x64", { library: true });
  const windows = targetCalled("windows-x64");
  expect(faultsOf(withInside(pe("x64"), addon), addon, windows)).toEqual([]);
  expect(faultsOf(pe("x64"), addon, windows)).toEqual(["the addon is not inside the file"]);
  const wrong = machO("arm64", { program: false });
  expect(faultsOf(withInside(pe("arm64"), wrong), wrong, windows)).toEqual([
    "the file has the arch arm64, not x64",
    "the addon has the format mach-o, not pe",
    "the addon has the arch arm64, not x64",
  ]);
  expect(faultsOf(new Uint8Array(9), addon, windows)).toEqual([
    "the file is no executable of any kind we know",
    "the addon is not inside the file",
  ]);
});

test.skipIf(!isLinux)("a file for one C library with the addon for the other is found out", () => {
  const own = ownTarget();
  const other = targetCalled(own.name.endsWith("-musl") ? own.name.replace("-musl", "") : `${own.name}-musl`);
  const addon = readFileSync(addonOf(own));
  const file = withInside(readFileSync(process.execPath), addon);
  expect(faultsOf(file, addon, own)).toEqual([]);
  const faults = faultsOf(file, addon, other);
  expect(faults).toHaveLength(2);
  expect(faults.join()).toContain(`not by ${other.loader}`);
});
