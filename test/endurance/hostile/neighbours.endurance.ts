import { expect, test } from "bun:test";
import { join } from "node:path";

// A quiet tenant beside hostile ones, by the bench itself (`bun run bench neighbours`). The bench measures how long it
// waits; here it is never refused, the server says it is ready, and its memory stays bounded, on a small machine too.

const BENCH = join(import.meta.dir, "../../../scripts/bench/bench.ts");
const FLOODS = ["small puts", "sticker", "hanging", "silent", "lists"];
const MEMORY_MB_MAX = 600;

type Row = {
  floods: string[];
  attackers: number;
  beside: { refused: Record<string, number>; looks: number; notReady: number };
  memoryMb: number;
  survived: boolean;
};

test("a quiet tenant is never refused during floods, and the server survives them within 600 MB", async () => {
  const child = Bun.spawn([process.execPath, BENCH, "neighbours", ...FLOODS, "--seconds", "2", "--json"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { rows } = (await new Response(child.stdout).json()) as { rows: Row[] };
  expect(await child.exited).toBe(0);
  expect(rows.length).toBe(FLOODS.length * 2 + 1);
  for (const { floods, attackers, beside, memoryMb, survived } of rows) {
    const about = `${floods.join(", ")} of ${attackers}`;
    expect([about, beside.refused, beside.notReady, survived]).toEqual([about, {}, 0, true]);
    expect(beside.looks).toBeGreaterThan(0);
    expect(memoryMb, about).toBeLessThan(MEMORY_MB_MAX);
  }
}, 600_000);
