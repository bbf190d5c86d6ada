import { posix } from "node:path";
import { Glob } from "bun";

/** The text of each source file by its path below the repository, such as `src/twins/rows.ts`. */
export type SourceTree = ReadonlyMap<string, string>;

type Import = {
  /** Path of the imported file below the repository. */
  path: string;
  /** As written in the import. */
  specifier: string;
  names: readonly string[];
  /** All exports are used, under any name. */
  isWhole: boolean;
  /** Only types are imported, so no import is left at run time. */
  isTypeOnly: boolean;
};

const SOURCES = "{src,test,scripts}/**/*.{ts,tsx}";
const FROM = /^(import|export)\s+(type\s+)?([^;"']*?)\s*from\s+"(\.[^"]+)"/gm;
const BARE = /(?:^import\s+|\bimport\()"(\.[^"]+)"/gm;

/** Reads the repository's sources, or the files that another pattern names. */
export async function readSources(root: string, pattern = SOURCES): Promise<SourceTree> {
  const paths = [...new Glob(pattern).scanSync(root)].sort();
  const entries = paths.map(async (path) => [path, await Bun.file(`${root}/${path}`).text()] as const);
  return new Map(await Promise.all(entries));
}

const known = new WeakMap<SourceTree, Map<string, Import[]>>();

/** The imports of a file that lead to files of the repository. */
export function importsOf(tree: SourceTree, path: string): readonly Import[] {
  const ofTree = known.get(tree) ?? new Map<string, Import[]>();
  known.set(tree, ofTree);
  const imports = ofTree.get(path) ?? readImports(path, tree.get(path) ?? "");
  ofTree.set(path, imports);
  return imports;
}

function readImports(path: string, source: string): Import[] {
  const target = (specifier: string) => posix.join(posix.dirname(path), specifier);
  const imports: Import[] = [];
  for (const [, , type, clause = "", specifier = ""] of source.matchAll(FROM)) {
    const parts = (/\{([^}]*)\}/.exec(clause)?.[1] ?? "").split(",").map((part) => part.trim());
    const named = parts.filter((part) => part !== "");
    const hasMore = clause.replace(/\{[^}]*\}/, "").replaceAll(/[\s,]/g, "") !== "";
    imports.push({
      path: target(specifier),
      specifier,
      isWhole: clause.includes("*"),
      names: named.map((part) => part.replace(/^type\s+/, "").replace(/\s+as\s.*$/, "")),
      isTypeOnly:
        type !== undefined || (!hasMore && named.length > 0 && named.every((part) => part.startsWith("type "))),
    });
  }
  for (const [, specifier = ""] of source.matchAll(BARE)) {
    imports.push({ path: target(specifier), specifier, names: [], isWhole: true, isTypeOnly: false });
  }
  return imports;
}

const EXPORTED =
  /^export\s+(?:async\s+)?(?:(?:const|let)\s+\{([^}]*)\}|(?:const|let|function\*?|class|type)\s+([A-Za-z_$][\w$]*))/gm;

/** Names that a file itself exports, without its re-exports. */
export function exportsOf(source: string): string[] {
  return [...source.matchAll(EXPORTED)].flatMap(([, list, name]) => {
    if (name !== undefined) return [name];
    return (list ?? "").split(",").map((part) => part.trim().split(/[\s:]/)[0] as string);
  });
}
