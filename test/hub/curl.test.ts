import { expect, setDefaultTimeout, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

/** Dozens of processes are started. */
setDefaultTimeout(30_000);

// The tutorial's calls as printed: curl sends `-d` bodies with a form content type, and `-X` requests without a body.

test("the tutorial's REST steps pass with curl, byte for byte where it quotes a body", async () => {
  await using world = await openWorld();
  const { token, account } = await world.createAccount();
  const base = `${world.listen()}/iot/v1/regions/fr-par`;
  async function curl(...args: string[]): Promise<[status: number, body: string, type: string]> {
    const command = ["curl", "-s", "-H", `X-Auth-Token: ${token}`, "-w", "\n%{http_code} %{content_type}", ...args];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
    const output = await new Response(child.stdout).text();
    const [, body, status, type] = /^([\s\S]*)\n(\d+) (.*)$/.exec(output) ?? [];
    return [Number(status), body ?? "", type ?? ""];
  }

  const [created, hubText, type] = await curl(
    "-X",
    "POST",
    `${base}/hubs`,
    "-d",
    `{"project_id":"${account}","name":"my_first_hub","product_plan":"plan_dedicated"}`,
  );
  const hub = JSON.parse(hubText);
  expect([created, type, hub.status, hub.enabled, hub.events_topic_prefix]).toEqual([
    200,
    "application/json",
    "ready",
    true,
    "$SCW/events",
  ]);
  const [read, again] = await curl(`${base}/hubs/${hub.id}`);
  expect([read, again]).toEqual([200, hubText]);
  const [, deviceText] = await curl(
    "-X",
    "POST",
    `${base}/devices`,
    "-d",
    `{"hub_id":"${hub.id}","name":"panel","allow_insecure":true}`,
  );
  const id = JSON.parse(deviceText).device.id;
  const twin = `${base}/twins/${id}`;

  expect(await curl("-X", "PUT", `${twin}/documents/desired`, "-d", '{"data":{"alarm_armed":true}}')).toEqual([
    200,
    `{"twin_id":"${id}","document_name":"desired","version":1,"data":{"alarm_armed":true}}`,
    "application/json",
  ]);
  const [missing, notFound] = await curl(`${twin}/documents/current`);
  expect([missing, JSON.parse(notFound).type]).toEqual([404, "not_found"]);
  const put = (name: string, body: string) => curl("-X", "PUT", `${twin}/documents/${name}`, "-d", body);
  await put("current", '{"data":{"last_update":"t0","alarm_armed":false,"siren_ringing":false,"door_open":true}}');
  const patched = await curl(
    "-X",
    "PATCH",
    `${twin}/documents/current`,
    "-d",
    '{"data":{"last_update":"t1","door_open":false}}',
  );
  expect(JSON.parse(patched[1]).data).toEqual({
    last_update: "t1",
    alarm_armed: false,
    siren_ringing: false,
    door_open: false,
  });
  expect(await curl(twin)).toEqual([
    200,
    '{"documents":[{"document_name":"current"},{"document_name":"desired"}]}',
    "application/json",
  ]);

  expect((await put("concurency", '{"data":{"test_value":"initial"}}'))[1]).toContain('"version":1,');
  expect(await put("concurency", '{"version":1,"data":{"test_value":"first actor"}}')).toEqual([
    200,
    `{"twin_id":"${id}","document_name":"concurency","version":2,"data":{"test_value":"first actor"}}`,
    "application/json",
  ]);
  expect(await put("concurency", '{"version":1,"data":{"test_value":"second actor"}}')).toEqual([
    400,
    '{"type":"invalid_arguments","message":"invalid argument(s)","details":[{"argument_name":"version","reason":"constraint","help_message":"document version mismatch"}]}',
    "application/json",
  ]);
  expect(JSON.parse((await curl(`${twin}/documents/concurency`))[1]).version).toBe(2);
  expect((await put("concurency", '{"version":0,"data":{"a":1,"b":2}}'))[0]).toBe(200);
  const removal = await curl("-X", "PATCH", `${twin}/documents/concurency/patch`, "-d", '{"data":{"a":null}}');
  expect(JSON.parse(removal[1]).data).toEqual({ b: 2 });
  const config = '{"documents":{"current":{"_tags":{"source":"x"},"door_open":{"_tsdb_trigger":null}}}}';
  await put("_config", `{"data":${config}}`);
  expect((await curl(`${twin}/documents/_config`))[1]).toBe(
    `{"twin_id":"${id}","document_name":"_config","version":1,"data":${config}}`,
  );
  expect((await curl("-X", "DELETE", `${twin}/documents/desired`)).slice(0, 2)).toEqual([204, ""]);
  expect((await curl("-X", "DELETE", twin)).slice(0, 2)).toEqual([204, ""]);
  expect((await curl(twin))[1]).toBe('{"documents":[]}');
  expect((await curl("-X", "POST", `${base}/hubs/${hub.id}/disable`))[0]).toBe(200);
  expect((await curl("-X", "DELETE", `${base}/hubs/${hub.id}?delete_devices=true`))[0]).toBe(204);
});
