// The smallest files that look like executables of systems other than this one.

const PAGE = 0x1000;
const CPU = { x64: 0x01000007, arm64: 0x0100000c };

/** Two pages of code and a place for a signature, which is all zeros yet. */
export function machO(arch: "x64" | "arm64", { program = true } = {}): Uint8Array {
  const file = new Uint8Array(3 * PAGE).fill(7, PAGE / 2, 2 * PAGE);
  const view = new DataView(file.buffer);
  const [EXECUTE, BUNDLE, SEGMENT_64, CODE_SIGNATURE] = [2, 8, 0x19, 0x1d];
  const header = [0xfeedfacf, CPU[arch], 0, program ? EXECUTE : BUNDLE, 3, 72 + 72 + 16];
  for (const [at, value] of header.entries()) view.setUint32(at * 4, value, true);
  const segment = (at: number, name: string, offset: number, bytes: number) => {
    view.setUint32(at, SEGMENT_64, true);
    view.setUint32(at + 4, 72, true);
    file.set(new TextEncoder().encode(name), at + 8);
    view.setBigUint64(at + 32, BigInt(bytes), true);
    view.setBigUint64(at + 40, BigInt(offset), true);
    view.setBigUint64(at + 48, BigInt(bytes), true);
  };
  segment(32, "__TEXT", 0, 2 * PAGE);
  segment(104, "__LINKEDIT", 2 * PAGE, PAGE);
  for (const [at, value] of [CODE_SIGNATURE, 16, 2 * PAGE, PAGE].entries()) view.setUint32(176 + at * 4, value, true);
  return file;
}

export function pe(machine: "x64" | "arm64", { library = false } = {}): Uint8Array {
  const file = new Uint8Array(0x200);
  const view = new DataView(file.buffer);
  const header = 0x80;
  file.set(new TextEncoder().encode("MZ"));
  view.setUint32(0x3c, header, true);
  file.set(new TextEncoder().encode("PE\0\0"), header);
  view.setUint16(header + 4, machine === "x64" ? 0x8664 : 0xaa64, true);
  view.setUint16(header + 22, library ? 0x2022 : 0x0022, true);
  view.setUint16(header + 24, 0x20b, true);
  return file;
}
