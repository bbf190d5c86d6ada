import { expect, test } from "bun:test";
import { hubCaller, openHub } from "../support/world/hub.ts";
import type { Json } from "../support/world/world.ts";

test("a role's twin rule applies to devices and documents too, in both APIs", async () => {
  await using opened = await openHub();
  const { world, caller: company, createDevice } = opened;
  const deviceOf = async (site: string) => {
    const { id } = (await createDevice(site)).device;
    await company.call("PATCH", `/twins/${id}`, { description: { site } });
    await company.call("PUT", `/twins/${id}/documents/state`, { data: { site } });
    return id as string;
  };
  const [north, south] = [await deviceOf("north"), await deviceOf("south")];
  const user = await world.createUser(company, { effect: "deny", actions: null });
  await company.call("PATCH", `/roles/${user.role}`, { rules: { twin: "TWIN.site == 'north'" } });
  const hub = hubCaller(world, user.token);

  const listed = (await hub("GET", "/devices")).body;
  expect([listed.total_count, listed.devices.map(({ id }: Json) => id)]).toEqual([1, [north]]);
  expect((await hub("GET", `/devices/${north}`)).status).toBe(200);
  expect((await hub("GET", `/devices/${south}`)).status).toBe(404);
  expect((await hub("POST", `/devices/${south}/disable`, {})).status).toBe(404);
  for (const [twin, status] of [
    [north, 200],
    [south, 404],
  ] as const) {
    for (const path of [`/twins/${twin}/documents`, `/twins/${twin}/documents/state`]) {
      expect([path, (await user.call("GET", path)).status]).toEqual([path, status]);
    }
    expect((await user.call("PUT", `/twins/${twin}/documents/state`, { data: {} })).status).toBe(status);
    expect((await hub("GET", `/twins/${twin}/documents/state`)).status).toBe(status);
    expect((await user.call("PATCH", `/twins/${twin}/documents/state`, { data: {} })).status).toBe(status);
  }
});
