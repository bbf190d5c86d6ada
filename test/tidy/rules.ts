import { posix } from "node:path";
import { exportsOf, importsOf, type SourceTree } from "./source-tree.ts";

/** What breaks a rule: a file or folder, and how. */
export type Breach = string;
export type Rule = (tree: SourceTree) => Breach[];

/** The rooms of src/, lowest first. A file imports its own room or a lower rank; rooms of equal rank do not know each other. */
const ROOMS = [
  ["kernel"],
  ["metrics"],
  ["platform", "store", "config", "rules", "docs"],
  ["deps"],
  ["events"],
  ["access"],
  ["policy"],
  ["twins"],
  ["notifications"],
  ["identities", "ledgers", "stickers", "documents"],
  ["hub"],
  ["http", "mqtt", "jobs"],
  ["commands"],
  ["cli"],
  ["main", "writer"],
];

/**
 * The folders inside of rooms, lowest first, and files that stand beside them. Files that are not named stand where the asterisk does, or else above
 * all folders.
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

/** The parts of a path below src/: `mqtt/wire/codec.ts` is in the room `mqtt`, and in its part `wire`. */
function placeOf(path: string): { room: string; part: string | undefined } {
  const [room = "", part] = path.replace(/^src\//, "").split("/");
  return { room: room.replace(/\.ts$/, ""), part: part?.replace(/\.ts$/, "") };
}

const rankIn = (ranks: readonly (readonly string[])[], name: string) =>
  ranks.findIndex((names) => names.includes(name));

/** No room without a rank, and no import against the ranks. */
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

/** Where a file stands inside of its room: in a folder, or beside the folders. */
function partOf(path: string): { room: string; part: string; rank: number } {
  const { room, part = "" } = placeOf(path);
  const ranks = INNER[room] ?? [];
  const named = rankIn(ranks, part);
  const isInFolder = path.split("/").length > 3;
  if (isInFolder) return { room, part, rank: named };
  const rank = named >= 0 ? named : rankIn(ranks, "*");
  return { room, part: "", rank: rank >= 0 ? rank : ranks.length };
}

/** The same inside of rooms: a folder imports lower ones of its room, and so do the files beside the folders. */
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

/** A way along which things lead back to where they began; undefined if there is none. */
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

/** No file leads back to itself by what is left of imports at run time. */
export const hasNoCircleByValue: Rule = (tree) => {
  const arrows = new Map(
    [...tree.keys()].map((path) => {
      const imports = importsOf(tree, path).filter(({ isTypeOnly }) => !isTypeOnly);
      return [path, imports.map((imported) => imported.path)];
    }),
  );
  return asBreach(findCircle(arrows));
};

/** No folder of src/ leads back to itself, imports of types included. */
export const hasNoCircleOfFolders: Rule = (tree) => {
  const arrows = new Map<string, Set<string>>();
  const folderOf = (path: string) => {
    const { room, part, rank } = partOf(path);
    return part === "" ? `src/${room} (${rank})` : `src/${room}/${part}`;
  };
  for (const path of sourcesOf(tree)) {
    const from = folderOf(path);
    const to = arrows.get(from) ?? new Set<string>();
    arrows.set(from, to);
    for (const imported of importsOf(tree, path)) {
      const there = folderOf(imported.path);
      if (inSrc(imported.path) && there !== from) to.add(there);
    }
  }
  return asBreach(findCircle(arrows));
};

/** A folder with more files than one looks over at a glance has folders inside. */
export const hasNoCrowdedFolder: Rule = (tree) => {
  const counts = new Map<string, number>();
  for (const path of sourcesOf(tree)) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > FILES_MAX).map(([folder, count]) => `${folder} has ${count} files`);
};

/** A file this long holds two ideas. */
export const hasNoLongFile: Rule = (tree) =>
  sourcesOf(tree).flatMap((path) => {
    const lines = (tree.get(path) as string).split("\n").length;
    return lines < LINES_MAX ? [] : [`${path} has ${lines} lines`];
  });

/** The build puts it into the executable in place of the driver's own loader. */
const ADDON = "src/platform/addon.ts";

/** What is exported is imported by some other file. */
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
  return sourcesOf(tree).flatMap((path) => {
    const source = tree.get(path) as string;
    if (usedWhole.has(path) || path === ADDON) return [];
    return exportsOf(source)
      .filter((name) => !used.get(path)?.has(name))
      .map((name) => `${path} exports ${name}`);
  });
};

/** Relative imports have their ending. */
export const hasEndings: Rule = (tree) =>
  [...tree.keys()].flatMap((path) =>
    importsOf(tree, path)
      .filter(({ specifier }) => !/\.(ts|tsx|sql|json|md)$/.test(specifier))
      .map(({ specifier }) => `${path} imports ${specifier}`),
  );

/** A rule for what a text may say, but for the files that are there for it. */
const neverSays =
  (pattern: RegExp, isAllowed: (path: string) => boolean): Rule =>
  (tree) =>
    sourcesOf(tree).flatMap((path) => {
      const found = isAllowed(path) ? null : pattern.exec(tree.get(path) as string);
      return found ? [`${path}: ${found[0].trim()}`] : [];
    });

/** Time comes from the clock. */
export const asksTheClock = neverSays(/Date\.now|new Date\(\)/, (path) => path === "src/kernel/clock.ts");

/** Chance comes from random. */
export const asksRandom = neverSays(
  /Math\.random|randomUUID|randomBytes|getRandomValues/,
  (path) => path === "src/kernel/random.ts",
);

/** Only platform/ names a runtime. */
export const namesRuntimeInPlatform = neverSays(/\bBun\.|\bDeno\.|from "bun"/, (path) =>
  path.startsWith("src/platform/"),
);

/** Settings come from config.ts. */
export const asksConfig = neverSays(/process\.env|Bun\.env/, (path) => path === "src/config.ts");

/** SQL stands in rows. */
export const keepsSqlInRows = neverSays(
  /["`]\s*(SELECT|INSERT|UPDATE|DELETE) /,
  (path) => path.endsWith("rows.ts") || path.startsWith("src/store/"),
);

const STARTER =
  /import \{[^}]*\b(?:startServer|runTool|createAccount|SOURCE)\b[^}]*\} from "[^"]*\/server-process\.ts"/;

/** What starts the program as a process of its own is not among the quick tests, but in test/processes/. */
export const startsProcessesElsewhere: Rule = (tree) =>
  [...tree].filter(([path, source]) => /^test\/.*\.test\.ts$/.test(path) && STARTER.test(source)).map(([path]) => path);
