// The headers of an executable or a library, which state its machine: ELF (Linux), Mach-O (macOS) and PE (Windows).

export type Executable =
  | { format: "elf"; arch: string; kind: "program" | "library"; loader?: string; libraries: string[] }
  | { format: "mach-o"; arch: string; kind: "program" | "library"; signature?: { offset: number; bytes: number } }
  | { format: "pe"; arch: string; kind: "program" | "library" };

/**
 * Parses the headers; undefined unless they are of a 64-bit, little-endian executable in one of these three formats.
 */
export function readExecutable(bytes: Uint8Array): Executable | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) === 0x7f454c46) return readElf(view);
    if (view.getUint32(0, true) === 0xfeedfacf) return readMachO(view);
    if (view.getUint16(0) === 0x4d5a) return readPe(view);
  } catch (error) {
    // An offset beyond the end of the file.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

const ELF_ARCHS: Record<number, string> = { 62: "x64", 183: "arm64" };
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

function readElf(view: DataView): Executable | undefined {
  const [CLASS_64, LITTLE_ENDIAN] = [2, 1];
  if (view.getUint8(4) !== CLASS_64 || view.getUint8(5) !== LITTLE_ENDIAN) return undefined;
  const [start, size, count] = [offsetAt(view, 32), view.getUint16(54, true), view.getUint16(56, true)];
  const segments = Array.from({ length: count }, (_, at) => start + at * size).map((at) => ({
    type: view.getUint32(at, true),
    offset: offsetAt(view, at + 8),
    address: offsetAt(view, at + 16),
    bytes: offsetAt(view, at + 32),
  }));
  const find = (type: number) => segments.find((segment) => segment.type === type);

  const entries: { tag: number; value: number }[] = [];
  const dynamic = find(PT_DYNAMIC);
  for (let at = 0; dynamic && at < dynamic.bytes; at += 16) {
    entries.push({ tag: offsetAt(view, dynamic.offset + at), value: offsetAt(view, dynamic.offset + at + 8) });
  }
  // Names are given by their address in memory, which a segment maps to an offset in the file.
  const names = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  const holder = segments.find(
    ({ type, address, bytes }) => type === PT_LOAD && names >= address && names < address + bytes,
  );
  const namesAt = holder ? names - holder.address + holder.offset : 0;
  const libraries = entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(view, namesAt + value));

  const interpreter = find(PT_INTERP);
  return {
    format: "elf",
    arch: ELF_ARCHS[view.getUint16(18, true)] ?? "unknown",
    kind: interpreter ? "program" : "library",
    ...(interpreter && { loader: textAt(view, interpreter.offset) }),
    libraries,
  };
}

const MACH_O_ARCHS: Record<number, string> = { 16777223: "x64", 16777228: "arm64" };
const MH_EXECUTE = 2;
const LC_CODE_SIGNATURE = 0x1d;

function readMachO(view: DataView): Executable {
  let signature: { offset: number; bytes: number } | undefined;
  let at = 32;
  for (let command = 0; command < view.getUint32(16, true); command++) {
    if (view.getUint32(at, true) === LC_CODE_SIGNATURE) {
      signature = { offset: view.getUint32(at + 8, true), bytes: view.getUint32(at + 12, true) };
    }
    const size = view.getUint32(at + 4, true);
    // No command is shorter than its own head; a damaged header could otherwise make this loop almost without end.
    if (size < 8) break;
    at += size;
  }
  return {
    format: "mach-o",
    arch: MACH_O_ARCHS[view.getUint32(4, true)] ?? "unknown",
    kind: view.getUint32(12, true) === MH_EXECUTE ? "program" : "library",
    ...(signature && { signature }),
  };
}

const PE_ARCHS: Record<number, string> = { 34404: "x64", 43620: "arm64" };
const FILE_IS_LIBRARY = 0x2000;

function readPe(view: DataView): Executable | undefined {
  const header = view.getUint32(0x3c, true);
  const [PE_00, PE32_PLUS] = [0x50450000, 0x20b];
  if (view.getUint32(header) !== PE_00 || view.getUint16(header + 24, true) !== PE32_PLUS) return undefined;
  return {
    format: "pe",
    arch: PE_ARCHS[view.getUint16(header + 4, true)] ?? "unknown",
    kind: view.getUint16(header + 22, true) & FILE_IS_LIBRARY ? "library" : "program",
  };
}

const offsetAt = (view: DataView, at: number) => Number(view.getBigUint64(at, true));

function textAt(view: DataView, at: number): string {
  let end = at;
  while (view.getUint8(end) !== 0) end += 1;
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, end - at));
}
