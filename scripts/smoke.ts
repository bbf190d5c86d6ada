import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { playTour, TOUR_PLAYABLE } from "../test/support/process/readme-tour.ts";
import { temporaryFolder } from "../test/support/process/server-process.ts";
import { cleanRoot, emptyFolder, onDeno, type Place } from "./smoke/places.ts";
import { playShortStory } from "./smoke/short-story.ts";

// `bun run smoke [FILE [RUNNER …]]`: tests the built executable (dist/twinpost, or FILE, run by RUNNER if it is for
// another machine). In an empty folder with an empty environment, and in a root with only the C library, it plays a
// short story and every demo. Without FILE the source code does the same on Deno. In the empty folder the README's tour
// also runs in a shell. Prints the results and a last line that counts them.

/** The stories of `bun run demo` to play. */
const DEMOS = ["stickers", "alarm"];

const [file = join(import.meta.dir, "../dist/twinpost"), ...runner] = process.argv.slice(2);

using folder = temporaryFolder();
const shared = join(folder.path, "shared");
mkdirSync(shared);
const places: Place[] = [
  emptyFolder(folder.path, resolve(file), runner),
  await cleanRoot(folder.path, resolve(file), shared),
  ...(process.argv.length === 2 ? [onDeno(folder.path)] : []),
];

const counts = { passed: 0, failed: 0, skipped: 0 };
const say = (line: string) => process.stdout.write(`${line}\n`);

function check(what: string, holds: boolean): void {
  counts[holds ? "passed" : "failed"] += 1;
  say(`${holds ? "ok     " : "FAILED "}${what}`);
}

for (const place of places) {
  if ("skipped" in place) {
    counts.skipped += 1;
    say(`SKIPPED in ${place.name}: ${place.skipped}`);
    continue;
  }
  const own = join(shared, String(places.indexOf(place)));
  mkdirSync(own);
  const summary = await playShortStory(place.program, own, (what, holds) => check(`in ${place.name}: ${what}`, holds));
  say(`       in ${place.name}: ${summary}`);
}
await pasteTour(places[0] as Place);
// Demos wait for expiries, so they run concurrently.
const tried = places.flatMap((place) => ("skipped" in place ? [] : DEMOS.map((demo) => ({ place, demo }))));
await Promise.all(tried.map(({ place, demo }) => playDemo(place, demo)));

say(`${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`);
process.exitCode = counts.failed === 0 ? 0 : 1;

/**
 * Runs the README's five-minute tour as printed. Reports only a part with different output, or one that cannot be
 * tried.
 */
async function pasteTour(place: Place): Promise<void> {
  const skip = (what: string, why: string) => {
    counts.skipped += 1;
    say(`SKIPPED in ${place.name}: ${what}: ${why}`);
  };
  if ("skipped" in place || !TOUR_PLAYABLE) return skip("the README's tour", "there is no bash with curl");
  const played = await playTour(place.program, join(folder.path, "readme"));
  const tried = played.flatMap((block) => ("agrees" in block ? [block] : []));
  for (const block of played) if ("skipped" in block) skip(block.what, block.skipped);
  const wrong = tried.filter(({ agrees }) => !agrees);
  check(
    `in ${place.name}: the README's tour: ${tried.length - wrong.length} blocks print what stands there`,
    wrong.length === 0,
  );
  for (const { what, printed } of wrong) say(`${what}\n${printed}`);
}

/**
 * Plays a demo like a reader of the README, with the executable in place of the source code. Its output is printed only
 * if it fails.
 */
async function playDemo({ name, program }: Place & { program: string[] }, demo: string): Promise<void> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "demo/demo.ts"), demo], {
    env: { ...process.env, TMPDIR: shared, TWINPOST_PROGRAM: JSON.stringify(program) },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const tale = await new Response(child.stdout).text();
  const fine = (await child.exited) === 0;
  const end = tale.trimEnd().split("\n").at(-1);
  check(`in ${name}: the demo ${demo}: ${end}`, fine);
  if (!fine) say(tale);
}
