import { expect, test } from "bun:test";
import { journal, messages } from "../support/world/published-messages.ts";
import { openStickers } from "../support/world/sticker.ts";
import type { Json } from "../support/world/world.ts";

const tally = (values: Json[]) =>
  Object.fromEntries(
    Map.groupBy(values, String)
      .entries()
      .map(([key, all]) => [key, all.length]),
  );

test("exactly one of a thousand concurrent removals by two recipients succeeds, and it is published once", async () => {
  await using opened = await openStickers();
  const { world, desk, contractor, recipients, put, remove } = opened;
  await put({ red: { recipients, publish: { on_remove: ["task-completed"] } } });
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => remove(i % 2 ? desk : contractor, "red")));
  expect(tally(answers.map(({ status }) => status))).toEqual({ 200: 1, 404: 999 });
  expect(journal(world, "sticker.removed").length).toBe(1);
  expect(messages(world)).toEqual(["sticker.removed to task-completed"]);
});

test("exactly one of many concurrent puts of one color succeeds", async () => {
  await using opened = await openStickers();
  const { world, desk, contractor, recipients, put } = opened;
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, i) => put({ red: { note: `${i}`, recipients } }, i % 2 ? desk : contractor)),
  );
  const [taken, ...others] = answers.filter(({ body }) => !("error" in body.stickers.red));
  expect([answers.every(({ status }) => status === 201), others]).toEqual([true, []]);
  expect((await desk.call("GET", `/twins/${opened.twin}/stickers/red`)).body).toEqual(taken?.body.stickers.red);
  expect(journal(world, "sticker.put").length).toBe(1);
});

test("concurrent puts and removals leave each sticker either removed or there, and the journal says which", async () => {
  await using opened = await openStickers();
  const { world, desk, contractor, recipients, put, remove, colors } = opened;
  const workers = Array.from({ length: 10 }, async (_, worker) => {
    for (let i = worker; i < worker + 15; i++) {
      await put({ [`c${i % 5}`]: { recipients } }, desk);
      if (worker % 3) await remove(contractor, `c${(i + worker) % 5}`);
    }
  });
  await Promise.all(workers);
  const count = (kind: string, color: string) =>
    journal(world, kind).filter(({ data }) => Object.hasOwn(data.stickers, color)).length;
  const there = await colors(desk);
  for (let i = 0; i < 5; i++) {
    const color = `c${i}`;
    const left = count("sticker.put", color) - count("sticker.removed", color);
    expect([color, left]).toEqual([color, there.includes(color) ? 1 : 0]);
    expect(count("sticker.removed", color)).toBeGreaterThan(0);
  }
});
