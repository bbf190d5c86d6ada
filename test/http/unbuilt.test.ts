import { expect, test } from "bun:test";
import { UNBUILT } from "../../src/http/account-api/unbuilt.ts";

test("the README lists every operation that is not built", async () => {
  const readme = await Bun.file(`${import.meta.dir}/../../README.md`).text();
  const rows = readme.split("\n").filter((line) => line.startsWith("| ") && line.endsWith("| **not built** |"));
  const paths = rows.flatMap((row) => [...row.matchAll(/`(\/[^`]*?)\/?…?`/g)].map(([, path]) => path as string));
  expect(UNBUILT.filter(({ path }) => !paths.some((start) => `${path}/`.startsWith(`${start}/`)))).toEqual([]);
  expect(paths.filter((start) => !UNBUILT.some(({ path }) => `${path}/`.startsWith(`${start}/`)))).toEqual([]);
});
