import { expect, test } from "bun:test";
import { UNBUILT } from "../../src/http/account-api/unbuilt.ts";

test("the page on compatibility says of every operation that is not built that it is not", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../src/docs/compatibility.md`).text();
  const rows = page.split("\n").filter((line) => line.startsWith("| ") && line.endsWith("| **not built** |"));
  const paths = rows.flatMap((row) => [...row.matchAll(/`(\/[^`]*?)\/?…?`/g)].map(([, path]) => path as string));
  expect(UNBUILT.filter(({ path }) => !paths.some((start) => `${path}/`.startsWith(`${start}/`)))).toEqual([]);
  expect(paths.filter((start) => !UNBUILT.some(({ path }) => `${path}/`.startsWith(`${start}/`)))).toEqual([]);
});
