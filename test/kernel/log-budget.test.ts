import { expect, test } from "bun:test";
import { createLog } from "../../src/kernel/log.ts";
import { TestClock } from "../support/test-clock.ts";
import { openWorld } from "../support/world/world.ts";

function openLog() {
  const clock = new TestClock();
  const lines: { event: string; source: string; suppressed?: number }[] = [];
  const log = createLog(
    "info",
    () => clock.now(),
    (line) => lines.push(JSON.parse(line)),
  );
  const refuse = (source: string, count = 1) => {
    for (let i = 0; i < count; i += 1) log.caused("info", "http.refused", source, { source });
  };
  return { clock, log, lines, refuse };
}

test("lines that one client causes are sampled, and the next line says how many were left out", () => {
  const { clock, lines, refuse } = openLog();
  refuse("loud", 385_000);
  expect(lines.length).toBe(20);
  clock.advance(1_000);
  refuse("loud", 1_000);
  expect(lines.length).toBe(21);
  expect(lines[20]?.suppressed).toBe(384_980);
  clock.advance(3_600_000);
  refuse("loud");
  expect(lines[21]?.suppressed).toBe(999);
  refuse("loud");
  expect(lines[22]?.suppressed).toBeUndefined();
});

test("a refused client is logged even while another is refused without end", () => {
  const { clock, lines, refuse } = openLog();
  for (let second = 0; second < 60; second += 1) {
    refuse("loud", 100);
    refuse(`quiet ${second}`);
    clock.advance(1_000);
  }
  expect(lines.filter(({ source }) => source.startsWith("quiet")).length).toBe(60);
});

test("the log grows by at most ten lines of an event a second, however many clients cause it", () => {
  const { clock, log, lines, refuse } = openLog();
  for (let second = 0; second < 10; second += 1) {
    for (let source = 0; source < 5_000; source += 1) refuse(`${second} ${source}`);
    clock.advance(1_000);
  }
  expect(lines.length).toBe(100 + 9 * 10);
  // Other events have separate budgets, and lines that no client causes are always written.
  log.caused("error", "http.failed", "0 0", {});
  for (let i = 0; i < 500; i += 1) log.info("job.done", {});
  expect(lines.filter(({ event }) => event !== "http.refused").length).toBe(501);
});

test("a client that is refused without end does not fill the log", async () => {
  await using world = await openWorld();
  for (let i = 0; i < 200; i += 1) {
    await world.call("GET", i % 2 ? "/nowhere" : "/whoami", { headers: { authorization: "wrong" } });
  }
  expect(world.logged.length).toBe(20);
  world.clock.advance(2_000);
  await world.call("GET", "/whoami", { headers: { authorization: "wrong" } });
  expect(world.logged.at(-1)).toMatchObject({ event: "http.refused", status: 401, suppressed: 180 });
});
