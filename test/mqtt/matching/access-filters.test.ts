import { expect, test } from "bun:test";
import fc from "fast-check";
import type { MessageFilters } from "../../../src/hub/registry/message-filters.ts";
import { compileFilters } from "../../../src/mqtt/matching/access-filters.ts";
import { matches } from "../../../src/mqtt/wire/topics.ts";

const HUB = { id: "h1", name: "my hub" };
const rule = (policy: "accept" | "reject", ...topics: string[]) => ({ policy, topics });
const everything = rule("reject");

const compile = (filters: Partial<MessageFilters>) =>
  compileFilters(
    { id: "d1", name: "panel", messageFilters: { publish: everything, subscribe: everything, ...filters } },
    HUB,
  );

test("a device without entries may do everything", () => {
  const filters = compile({});
  expect(filters.mayPublish("a/b")).toBe(true);
  expect(filters.maySubscribe("#")).toBe(true);
  expect(filters.mayReceive("$SCW/events/error/device/x")).toBe(true);
});

test("an accept rule permits only the topics that it lists; twin requests must be listed too", () => {
  const filters = compile({ publish: rule("accept", "site/+/state"), subscribe: rule("accept", "site/#") });
  expect(filters.mayPublish("site/1/state")).toBe(true);
  for (const topic of ["site/1", "site/1/2/state", "$SCW/twins/me/current/get"]) {
    expect([topic, filters.mayPublish(topic)]).toEqual([topic, false]);
  }
  for (const filter of ["site/#", "site/+/state", "site", "$share/group/site/1"]) {
    expect([filter, filters.maySubscribe(filter)]).toEqual([filter, true]);
  }
  for (const filter of ["#", "+/1", "+/#", "$SCW/twins/me/#", "$share/group/#", "$share/site/x"]) {
    expect([filter, filters.maySubscribe(filter)]).toEqual([filter, false]);
  }
  expect([filters.mayReceive("site/1"), filters.mayReceive("other")]).toEqual([true, false]);
  expect(compile({ publish: rule("accept") }).mayPublish("a")).toBe(false);
});

test("reject blocks what is listed, also inside a wider subscription", () => {
  const filters = compile({ publish: rule("reject", "secret/#"), subscribe: rule("reject", "secret/#") });
  expect([filters.mayPublish("secret"), filters.mayPublish("public")]).toEqual([false, true]);
  expect([filters.maySubscribe("secret/+"), filters.maySubscribe("#")]).toEqual([false, true]);
  expect([filters.mayReceive("secret/1"), filters.mayReceive("public")]).toEqual([false, true]);
});

test("a # entry does not cover topics of the server, as in MQTT", () => {
  const filters = compile({ publish: rule("reject", "#"), subscribe: rule("reject", "#") });
  expect([filters.mayPublish("a"), filters.mayPublish("$SCW/twins/me/current/get")]).toEqual([false, true]);
  expect([filters.maySubscribe("a/#"), filters.maySubscribe("$SCW/twins/me/#")]).toEqual([false, true]);
});

test("the literal topic counts: permission for the id does not permit me", () => {
  const filters = compile({ publish: rule("accept", "$SCW/twins/{{ device.id }}/#") });
  expect(filters.mayPublish("$SCW/twins/d1/current/get")).toBe(true);
  expect(filters.mayPublish("$SCW/twins/me/current/get")).toBe(false);
});

test("templates are replaced by the names of hub and device; an entry with an unknown one is left out and reported", () => {
  const filters = compile({ publish: rule("accept", "{{ hub.name }}/{{device.name}}/#", "{{ user.name }}/#") });
  expect(filters.mayPublish("my hub/panel/state")).toBe(true);
  expect(filters.mayPublish("my hub/other/state")).toBe(false);
  expect(filters.unparsable).toEqual(["{{ user.name }}/#"]);
});

test("under any filters a device receives no rejected topic and subscribes to no filter that is not accepted", () => {
  const level = fc.constantFrom("a", "b", "+");
  const filter = fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([levels, open]) => levels.join("/") + (open ? "/#" : ""));
  const topic = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 3 }), filter, topic, (entries, wanted, name) => {
      const accepting = compile({ subscribe: rule("accept", ...entries) });
      const rejecting = compile({ subscribe: rule("reject", ...entries) });
      const isListed = entries.some((entry) => matches(entry, name));
      expect(accepting.mayReceive(name)).toBe(isListed);
      expect(rejecting.mayReceive(name)).toBe(!isListed);
      if (!matches(wanted, name)) return;
      if (accepting.maySubscribe(wanted)) expect(accepting.mayReceive(name)).toBe(true);
      if (!rejecting.maySubscribe(wanted)) expect(rejecting.mayReceive(name)).toBe(false);
    }),
  );
});
