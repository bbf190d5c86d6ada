import { expect, test } from "bun:test";
import { expandFilter } from "../../src/hub/registry/message-filters.ts";

const names = { hub: { id: "h1", name: "my hub" }, device: { id: "d1", name: "panel" } };

test("templates are replaced by the id and name of the hub and the device", () => {
  expect(expandFilter("a/{{ hub.name }}/{{hub.id}}/{{  device.name  }}/{{ device.id }}/#", names)).toBe(
    "a/my hub/h1/panel/d1/#",
  );
  expect(expandFilter("plain/+", names)).toBe("plain/+");
});

test("an entry is ignored if its template is unknown or unfinished, or would add wildcards or levels", () => {
  for (const entry of [
    "{{ hub.secret }}",
    "{{ user.id }}/x",
    "{{ hub.id",
    "hub.id }}/#",
    "{{ }}",
    "{{hub}}",
    "{{ hub.id }",
  ]) {
    expect([entry, expandFilter(entry, names)]).toEqual([entry, undefined]);
  }
  for (const name of ["#", "+", "a/b", "a\0"]) {
    expect(expandFilter("x/{{ hub.name }}", { ...names, hub: { id: "h1", name } })).toBeUndefined();
  }
});
