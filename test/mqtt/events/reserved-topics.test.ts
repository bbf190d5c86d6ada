import { expect, test } from "bun:test";
import { isReserved } from "../../../src/mqtt/events/reserved-topics.ts";

test("no device can publish as the server", () => {
  for (const topic of [
    "$SCW/events/error/device/x",
    "$SCW/twins/me/current/put/response/success",
    "$SCW/",
    "$SYS/broker/uptime",
    "$share/group/topic",
    "my/events",
    "my/events/error/device/x",
  ]) {
    expect([topic, isReserved(topic, "my/events")]).toEqual([topic, true]);
  }
  for (const topic of ["$SCW", "$scw/x", "my", "my/eventsx", "my/event", "x/my/events", "$other/x"]) {
    expect([topic, isReserved(topic, "my/events")]).toEqual([topic, false]);
  }
});
