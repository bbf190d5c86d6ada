import { expect, test } from "bun:test";
import { isTopicFilter } from "../../../src/kernel/topic-filter.ts";
import { covers, isTopicName, matches, parseFilter } from "../../../src/mqtt/wire/topics.ts";

test("topic filters are those of MQTT", () => {
  for (const filter of ["a", "#", "+", "a/+/b/#", "/", "a//b", "$SCW/twins/me/#", "+/+"]) {
    expect(isTopicFilter(filter)).toBe(true);
  }
  for (const filter of ["", "a#", "#/a", "a+", "+a/b", "a/#/b", "a\0"]) expect(isTopicFilter(filter)).toBe(false);
});

test("topic names have no wildcards, are not empty, well-formed, and fit into a packet", () => {
  for (const name of ["a", "/", " ", "$SYS/x", "é/ü", "a".repeat(65_535), "€".repeat(21_845)]) {
    expect(isTopicName(name)).toBe(true);
  }
  for (const name of ["", "a/+", "#", "a\0", "\ud800", "a".repeat(65_536), "€".repeat(21_846)]) {
    expect(isTopicName(name)).toBe(false);
  }
});

test("a shared subscription has a name of one level and a filter of its own [MQTT-4.8.2-1, MQTT-4.8.2-2]", () => {
  expect(parseFilter("$share/group/a/#")).toEqual({ share: "group", filter: "a/#" });
  expect(parseFilter("$share/group//")).toEqual({ share: "group", filter: "/" });
  expect(parseFilter("$shared/group/a")).toEqual({ share: null, filter: "$shared/group/a" });
  expect(parseFilter("$share")).toEqual({ share: null, filter: "$share" });
  for (const filter of [
    "$share/",
    "$share/g",
    "$share/g/",
    "$share//a",
    "$share/+/a",
    "$share/#",
    "$share/g/a#",
    "a#",
  ]) {
    expect([filter, parseFilter(filter)]).toEqual([filter, undefined]);
  }
});

test("filters match as in the examples of the standard (4.7.1, 4.7.2)", () => {
  const table: [filter: string, topics: string[], not: string[]][] = [
    ["sport/tennis/player1/#", ["sport/tennis/player1", "sport/tennis/player1/score/wimbledon"], ["sport/tennis"]],
    ["sport/#", ["sport", "sport/", "sport/a/b"], ["sports", "/sport"]],
    ["#", ["a", "/", "a/b"], ["$SYS", "$SYS/a"]],
    ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], ["sport/tennis", "sport/tennis/player1/ranking"]],
    ["sport/+", ["sport/"], ["sport"]],
    ["+/+", ["/finance"], ["finance", "a/b/c", "$a/b"]],
    ["/+", ["/finance"], ["finance"]],
    ["+", ["finance"], ["/finance", "$finance"]],
    ["+/monitor/Clients", ["a/monitor/Clients"], ["$SYS/monitor/Clients"]],
    ["$SYS/#", ["$SYS", "$SYS/a/b"], ["SYS/a"]],
    ["$SYS/monitor/+", ["$SYS/monitor/Clients"], []],
    ["a/$x/+", ["a/$x/y"], []],
    ["a/+/#", ["a/b", "a/b/c", "a/"], ["a"]],
  ];
  for (const [filter, topics, not] of table) {
    for (const topic of topics) expect([filter, topic, matches(filter, topic)]).toEqual([filter, topic, true]);
    for (const topic of not) expect([filter, topic, matches(filter, topic)]).toEqual([filter, topic, false]);
  }
});

test("an entry covers a filter if it matches all that the filter does", () => {
  const table: [entry: string, covered: string[], not: string[]][] = [
    ["#", ["#", "+", "a", "+/b/#", "/"], ["$SYS/#", "$SCW/twins/me/#"]],
    ["+/#", ["#", "a/#", "+"], ["$a/#"]],
    ["a/#", ["a", "a/#", "a/+/b", "a/b/#", "a/+"], ["#", "+/b", "ab", "+"]],
    ["a/+", ["a/b", "a/+", "a/"], ["a/#", "a", "a/b/c"]],
    ["a/+/#", ["a/b", "a/+/#", "a/b/c"], ["a/#", "a"]],
    ["+/b", ["a/b", "+/b"], ["$a/b", "#"]],
    ["$SCW/twins/me/#", ["$SCW/twins/me/+/get/response/#"], ["$SCW/#", "$SCW/twins/+/x"]],
    ["a/b", ["a/b"], ["a/+", "a/#", "a"]],
  ];
  for (const [entry, covered, not] of table) {
    for (const filter of covered) expect([entry, filter, covers(entry, filter)]).toEqual([entry, filter, true]);
    for (const filter of not) expect([entry, filter, covers(entry, filter)]).toEqual([entry, filter, false]);
  }
});
