import { posix } from "node:path";
import { exportsOf, importsOf, type SourceTree } from "./source-tree.ts";

/** A violation: the file or folder, and how it breaks the rule. */
export type Breach = string;
export type Rule = (tree: SourceTree) => Breach[];

/**
 * The rooms of src/, lowest first. A file imports its own room or a lower rank; rooms of equal rank may not import each
 * other.
 */
const ROOMS = [
  ["kernel"],
  ["metrics"],
  ["platform", "store", "config", "rules", "docs"],
  ["deps"],
  ["journal"],
  ["room"],
  ["access"],
  ["policy"],
  ["twins"],
  ["notifications"],
  ["identities", "ledgers", "stickers", "documents"],
  ["hub"],
  ["http", "mqtt", "jobs"],
  ["rooms"],
  ["server"],
  ["cli"],
  ["main", "writer"],
];

/**
 * The folders inside rooms and the files next to them, lowest first. Files without an entry have the rank of the
 * asterisk, or else one above all folders.
 */
const INNER: Record<string, readonly (readonly string[])[]> = {
  access: [["model"], ["users", "roles", "secrets"]],
  http: [["*"], ["account-api", "hub-api"], ["app"]],
  hub: [["registry"], ["certificates", "metrics"], ["devices"], ["hubs"], ["admission"]],
  kernel: [["*"], ["fairness"]],
  ledgers: [["model"], ["changes"]],
  mqtt: [["limits"], ["wire"], ["persistence", "matching", "events"], ["twins", "flow"], ["connections"], ["handlers"]],
  platform: [["dns"]],
  notifications: [["model"], ["subscriptions"], ["deliveries"]],
  rules: [["values"], ["syntax"], ["compile"]],
  store: [["sqlite"], ["keys", "migrations"], ["writer", "backup", "transfer"]],
};

const LINES_MAX = 400;
const FILES_MAX = 25;

const inSrc = (path: string) => path.startsWith("src/") && !path.endsWith(".d.ts");
const sourcesOf = (tree: SourceTree) => [...tree.keys()].filter(inSrc);
/** Returns the sources of tests and scripts too. */
const allSourcesOf = (tree: SourceTree) => [...tree.keys()].filter((path) => !path.endsWith(".d.ts"));

/** The parts of a path below src/: `mqtt/wire/codec.ts` is in the room `mqtt`, and in its part `wire`. */
function placeOf(path: string): { room: string; part: string | undefined } {
  const [room = "", part] = path.replace(/^src\//, "").split("/");
  return { room: room.replace(/\.tsx?$/, ""), part: part?.replace(/\.tsx?$/, "") };
}

const rankIn = (ranks: readonly (readonly string[])[], name: string) =>
  ranks.findIndex((names) => names.includes(name));

/** Every room has a rank, and no import goes against the ranks. */
export const keepsRanks: Rule = (tree) =>
  sourcesOf(tree).flatMap((path) => {
    const { room } = placeOf(path);
    const rank = rankIn(ROOMS, room);
    if (rank < 0) return [`${path}: ${room} has no rank`];
    return importsOf(tree, path).flatMap((imported) => {
      const there = placeOf(imported.path).room;
      const isFine =
        !inSrc(imported.path) || there === room || (rankIn(ROOMS, there) < rank && rankIn(ROOMS, there) >= 0);
      return isFine ? [] : [`${path} imports ${imported.path}`];
    });
  });

/** The position of a file inside its room: in a folder, or next to the folders. */
function partOf(path: string): { room: string; part: string; rank: number } {
  const { room, part = "" } = placeOf(path);
  const ranks = INNER[room] ?? [];
  const named = rankIn(ranks, part);
  const isInFolder = path.split("/").length > 3;
  if (isInFolder) return { room, part, rank: named };
  const rank = named >= 0 ? named : rankIn(ranks, "*");
  return { room, part: "", rank: rank >= 0 ? rank : ranks.length };
}

/** The same inside rooms: a folder imports only lower ones of its room, and so do the files next to the folders. */
export const keepsInnerRanks: Rule = (tree) =>
  sourcesOf(tree).flatMap((path) => {
    const { room, part, rank } = partOf(path);
    if (rank < 0) return [`${path}: ${part} has no rank in ${room}`];
    return importsOf(tree, path).flatMap((imported) => {
      const there = partOf(imported.path);
      const isHere = there.part === part && there.rank === rank;
      return there.room !== room || isHere || there.rank < rank ? [] : [`${path} imports ${imported.path}`];
    });
  });

/** Finds a cycle; undefined if there is none. */
function findCircle(arrows: ReadonlyMap<string, Iterable<string>>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (node: string): string[] | undefined => {
    const at = way.indexOf(node);
    if (at >= 0) return [...way.slice(at), node];
    if (done.has(node)) return undefined;
    way.push(node);
    for (const next of arrows.get(node) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    way.pop();
    done.add(node);
    return undefined;
  };
  for (const node of arrows.keys()) {
    const circle = visit(node);
    if (circle) return circle;
  }
  return undefined;
}

const asBreach = (circle: string[] | undefined) => (circle ? [circle.join(" → ")] : []);

/** No file imports itself through others at run time. */
export const hasNoCircleByValue: Rule = (tree) => {
  const arrows = new Map(
    [...tree.keys()].map((path) => {
      const imports = importsOf(tree, path).filter(({ isTypeOnly }) => !isTypeOnly);
      return [path, imports.map((imported) => imported.path)];
    }),
  );
  return asBreach(findCircle(arrows));
};

/** No folder of src/ imports itself through others, imports of types included. */
export const hasNoCircleOfFolders: Rule = (tree) => {
  const arrows = new Map<string, Set<string>>();
  const folderOf = (path: string) => {
    if (!inSrc(path)) return posix.dirname(path);
    const { room, part, rank } = partOf(path);
    return part === "" ? `src/${room} (${rank})` : `src/${room}/${part}`;
  };
  for (const path of allSourcesOf(tree)) {
    const from = folderOf(path);
    const to = arrows.get(from) ?? new Set<string>();
    arrows.set(from, to);
    for (const imported of importsOf(tree, path)) {
      const there = folderOf(imported.path);
      if (tree.has(imported.path) && there !== from) to.add(there);
    }
  }
  return asBreach(findCircle(arrows));
};

/** A folder with more files than fit a glance is split into folders. */
export const hasNoCrowdedFolder: Rule = (tree) => {
  const counts = new Map<string, number>();
  for (const path of allSourcesOf(tree)) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > FILES_MAX).map(([folder, count]) => `${folder} has ${count} files`);
};

/** A file this long contains two ideas. */
export const hasNoLongFile: Rule = (tree) =>
  allSourcesOf(tree).flatMap((path) => {
    const lines = (tree.get(path) as string).split("\n").length;
    return lines < LINES_MAX ? [] : [`${path} has ${lines} lines`];
  });

/** The build puts it into the executable in place of the driver's own loader. */
const ADDON = "src/platform/addon.ts";

/** Every export is imported by another file. */
export const hasNoDeadExport: Rule = (tree) => {
  const used = new Map<string, Set<string>>();
  const usedWhole = new Set<string>();
  for (const path of tree.keys()) {
    for (const imported of importsOf(tree, path)) {
      if (imported.isWhole) usedWhole.add(imported.path);
      const names = used.get(imported.path) ?? new Set();
      used.set(imported.path, names);
      for (const name of imported.names) names.add(name);
    }
  }
  return allSourcesOf(tree).flatMap((path) => {
    const source = tree.get(path) as string;
    if (usedWhole.has(path) || path === ADDON) return [];
    return exportsOf(source)
      .filter((name) => !used.get(path)?.has(name))
      .map((name) => `${path} exports ${name}`);
  });
};

const isTest = (path: string) => /\.(test|process|endurance)\.tsx?$/.test(path);

/** The program imports neither tests nor scripts, scripts import of tests only what supports them, and only a test imports a script: to test it. */
export const keepsTestsAndScriptsApart: Rule = (tree) =>
  allSourcesOf(tree).flatMap((path) =>
    importsOf(tree, path)
      .filter((imported) => {
        const [from] = path.split("/");
        const [to, part] = imported.path.split("/");
        if (from === "scripts") return to === "test" && part !== "support";
        return (from === "src" && to === "test") || (to === "scripts" && !isTest(path));
      })
      .map((imported) => `${path} imports ${imported.path}`),
  );

/** Relative imports have a file extension. */
export const hasEndings: Rule = (tree) =>
  [...tree.keys()].flatMap((path) =>
    importsOf(tree, path)
      .filter(({ specifier }) => !/\.(ts|tsx|sql|json|md)$/.test(specifier))
      .map(({ specifier }) => `${path} imports ${specifier}`),
  );

/** A rule against a pattern in sources, except in the files meant for it. */
const neverSays =
  (pattern: RegExp, isAllowed: (path: string) => boolean): Rule =>
  (tree) =>
    sourcesOf(tree).flatMap((path) => {
      const found = isAllowed(path) ? null : pattern.exec(tree.get(path) as string);
      return found ? [`${path}: ${found[0].trim()}`] : [];
    });

/** Only kernel/clock.ts reads the system's time. */
export const asksTheClock = neverSays(/Date\.now|new Date\(\)/, (path) => path === "src/kernel/clock.ts");

/** Only kernel/random.ts produces random values. */
export const asksRandom = neverSays(
  /Math\.random|randomUUID|randomBytes|getRandomValues/,
  (path) => path === "src/kernel/random.ts",
);

/** Only platform/ names a runtime. */
export const namesRuntimeInPlatform = neverSays(/\bBun\.|\bDeno\.|from "bun"/, (path) =>
  path.startsWith("src/platform/"),
);

/** Only config.ts reads the environment. */
export const asksConfig = neverSays(/process\.env|Bun\.env/, (path) => path === "src/config.ts");

/** SQL is written only in *rows.ts and store/. */
export const keepsSqlInRows = neverSays(
  /["`]\s*(SELECT|INSERT|UPDATE|DELETE) /,
  (path) => path.endsWith("rows.ts") || path.startsWith("src/store/"),
);

const STARTER =
  /import \{[^}]*\b(?:startServer|runTool|createAccount|SOURCE)\b[^}]*\} from "[^"]*\/server-process\.ts"/;

/** Tests that start the program as a process are not among the quick tests, but in test/processes/. */
export const startsProcessesElsewhere: Rule = (tree) =>
  [...tree].filter(([path, source]) => /^test\/.*\.test\.ts$/.test(path) && STARTER.test(source)).map(([path]) => path);

/** No two files of a room export the same name, so that a name leads to one thing. What is exported again from where it is made is that thing. */
export const hasNoNamesAlike: Rule = (tree) => {
  const firsts = new Map<string, string>();
  return sourcesOf(tree).flatMap((path) => {
    const { room } = placeOf(path);
    return [...new Set(exportsOf(tree.get(path) as string))].flatMap((name) => {
      const first = firsts.get(`${room} ${name}`);
      if (first !== undefined) return [`${path} and ${first} export ${name}`];
      firsts.set(`${room} ${name}`, path);
      return [];
    });
  });
};

/** An expectation about a promise is awaited: otherwise the test is over before it fails. */
export const awaitsExpectations: Rule = (tree) =>
  [...tree]
    .filter(([path, text]) => path.startsWith("test/") && /^\s*expect\(.*\)\.(rejects|resolves)\b/m.test(text))
    .map(([path]) => path);
