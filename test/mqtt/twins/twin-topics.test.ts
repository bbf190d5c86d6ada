import { expect, test } from "bun:test";
import { REASON } from "../../../src/mqtt/wire/packets.ts";
import { connectTwin, openTwin } from "../../support/mqtt/twin-caller.ts";

const ME = "$SCW/twins/me";

test("a device puts, patches and gets its own documents, the same ones as over REST", async () => {
  await using twin = await openTwin();
  const { ask, call, deviceId, documentPath } = twin;
  const put = await ask(`${ME}/current/put`, { data: { door_open: true, siren: false } });
  const stored = { twin_id: deviceId, document_name: "current", version: 1, data: { door_open: true, siren: false } };
  expect([put.topic, put.body]).toEqual([`${ME}/current/put/response/success`, stored]);
  expect((await call("GET", documentPath("current"))).body).toEqual(stored);

  const patch = await ask(`${ME}/current/patch`, { version: 1, data: { door_open: null } });
  const merged = { ...stored, version: 2, data: { siren: false } };
  expect([patch.topic, patch.body]).toEqual([`${ME}/current/patch/response/success`, merged]);

  await call("PUT", documentPath("current"), { version: 2, data: { armed: true } });
  const get = await ask(`${ME}/current/get`);
  expect([get.topic, get.body]).toMatchObject([
    `${ME}/current/get/response/success`,
    { version: 3, data: { armed: true } },
  ]);
  expect(Object.keys(get.body)).toEqual(["twin_id", "document_name", "version", "data"]);
});

test("a request by the id is answered on the topic with the id", async () => {
  await using twin = await openTwin();
  const topic = `$SCW/twins/${twin.deviceId}/desired/put`;
  expect((await twin.ask(topic, { data: {} })).topic).toBe(`${topic}/response/success`);
});

test("a document's journal row names the device", async () => {
  await using twin = await openTwin();
  await twin.ask(`${ME}/current/put`, { data: {} });
  const [event] = twin.world.query("SELECT actor_kind, actor_id FROM events WHERE kind = 'document.put'");
  expect(event).toMatchObject({ actor_kind: "device", actor_id: twin.deviceId });
});

test("refusals have the words of the specification", async () => {
  await using twin = await openTwin({ "document-bytes": "200", "document-depth": "4", "documents-per-twin": "1" });
  const { ask, deviceId, createDevice } = twin;
  await ask(`${ME}/current/put`, { data: { list: [1] } });
  const other = (await createDevice("other")).device.id;
  const absent = "11111111-1111-4111-8111-111111111111";
  const put = `${ME}/current/put`;
  const patch = `${ME}/current/patch`;
  const refused: [topic: string, payload: unknown, error: string][] = [
    [`${ME}/absent/get`, "", "document not found"],
    [`${ME}/absent/patch`, { data: {} }, "document not found"],
    [put, "", "invalid document format"],
    [put, "{", "invalid document format"],
    [put, "[]", "invalid document format"],
    [put, "null", "invalid document format"],
    [put, '"text"', "invalid document format"],
    [put, new Uint8Array([0x7b, 0xff, 0x7d]), "invalid document format"],
    [put, '{"data": {"a": 1e999}}', "invalid document format"],
    [put, '{"data": {"a": "\\ud800"}}', "invalid document format"],
    [put, {}, "invalid document format"],
    [put, { data: null }, "invalid document format"],
    [put, { data: [] }, "invalid document format"],
    [put, { data: 1 }, "invalid document format"],
    [put, { version: -1 }, "invalid document format"],
    [patch, { version: 1, data: "x" }, "invalid document format"],
    [put, { version: -1, data: {} }, "invalid document version"],
    [put, { version: 1.5, data: {} }, "invalid document version"],
    [put, { version: 2 ** 32, data: {} }, "invalid document version"],
    [put, { version: "one", data: {} }, "invalid document version"],
    [patch, { version: true, data: {} }, "invalid document version"],
    [patch, { data: { list: [1, null] } }, "invalid patch: arrays cannot contain null values"],
    [patch, { data: { a: { b: [[null]] } } }, "invalid patch: arrays cannot contain null values"],
    [`${ME}/a b/get`, "", "invalid document name"],
    [`${ME}//put`, { data: {} }, "invalid document name"],
    [`${ME}/../put`, { data: {} }, "invalid document name"],
    [`${ME}/${"n".repeat(256)}/put`, { data: {} }, "invalid document name"],
    [put, { data: { text: "x".repeat(200) } }, "document is too large"],
    [patch, { data: { text: "x".repeat(200) } }, "document is too large"],
    [put, " ".repeat(4 * 1024 * 1024 + 1), "document is too large"],
    [put, { data: { a: { b: { c: { d: {} } } } } }, "document is nested too deeply"],
    [`${ME}/second/put`, { data: {} }, "a twin holds at most 1 documents"],
  ];
  for (const [topic, payload, error] of refused) {
    const answer = await ask(topic, payload);
    const name = topic.split("/").at(-2) as string;
    const known = topic === `${ME}/../put` ? ".." : name;
    expect([topic, answer.topic, answer.body]).toEqual([
      topic,
      `${topic}/response/error`,
      { error, twin_id: deviceId, document_name: known },
    ]);
  }
  for (const id of [other, absent]) {
    for (const method of ["get", "put", "patch"]) {
      const { body } = await ask(`$SCW/twins/${id}/current/${method}`, { data: {} });
      expect(body).toEqual({ error: "permission denied", twin_id: id, document_name: "current" });
    }
  }
  expect((await ask(`${ME}/current/get`)).body).toMatchObject({ version: 1, data: { list: [1] } });
});

test("an outdated version is refused, and the answer has both versions", async () => {
  await using twin = await openTwin();
  const { ask, deviceId } = twin;
  const mismatch = { error: "document version mismatch", twin_id: deviceId, document_name: "concurency" };
  const early = await ask(`${ME}/concurency/put`, { version: 7, data: {} });
  expect(early.body).toEqual({ ...mismatch, expected_version: 7, actual_version: 0 });
  await ask(`${ME}/concurency/put`, { data: {} });
  await ask(`${ME}/concurency/put`, { version: 0, data: {} });
  for (const method of ["put", "patch"]) {
    const { topic, body } = await ask(`${ME}/concurency/${method}`, { version: 1, data: {} });
    expect(topic).toBe(`${ME}/concurency/${method}/response/error`);
    expect(body).toEqual({ ...mismatch, expected_version: 1, actual_version: 2 });
  }
  expect((await ask(`${ME}/concurency/put`, { version: "2", data: {} })).body.version).toBe(3);
});

test("a get ignores its payload, and _config is a document like any other", async () => {
  await using twin = await openTwin();
  await twin.ask(`${ME}/_config/put`, { data: { documents: { current: { _tags: null } } } });
  const { body } = await twin.ask(`${ME}/_config/get`, new Uint8Array(5 * 1024 * 1024));
  expect(body.data).toEqual({ documents: { current: { _tags: null } } });
});

test("topics that are not document requests are not handled", async () => {
  await using twin = await openTwin();
  for (const topic of [
    "$SCW/twins/me/current",
    "$SCW/twins/me/current/delete",
    "$SCW/twins/me/current/GET",
    "$SCW/twins/me/current/get/",
    "$SCW/twins/me/a/b/get",
    "$SCW/twins/me/current/get/response/success",
    "$SCW/twins/you/current/get",
    `$SCW/twins/${twin.deviceId.toUpperCase()}/current/get`,
    "$SCW/events/error/device/x",
    "$scw/twins/me/current/get",
    "x/$SCW/twins/me/current/get",
    "current/get",
  ]) {
    expect([topic, twin.handle(topic)]).toEqual([topic, undefined]);
  }
});

test("a client that has not subscribed to the answer gets none, but its request is performed", async () => {
  await using twin = await openTwin();
  twin.granted.clear();
  twin.granted.set(`${ME}/current/put/response/error`, 0);
  await twin.handle(`${ME}/current/put`, { data: { a: 1 } });
  expect(twin.answers).toEqual([]);
  expect((await twin.call("GET", twin.documentPath("current"))).body.version).toBe(1);
  expect((await twin.ask(`${ME}/current/put`, "")).topic).toBe(`${ME}/current/put/response/error`);
});

test("the answer has the lower QoS of the two, and is never retained", async () => {
  await using twin = await openTwin();
  for (const [asked, granted, got] of [
    [0, 2, 0],
    [1, 2, 1],
    [2, 2, 2],
    [2, 0, 0],
    [1, 1, 1],
  ] as const) {
    twin.granted.set("$SCW/twins/", granted);
    const answer = await twin.ask(`${ME}/current/put`, { data: {} }, { qos: asked, retain: true });
    expect([answer.qos, answer.message.qos, answer.message.retain]).toEqual([got, got, false]);
  }
});

test("requests take effect and are answered in the order in which they arrived", async () => {
  await using twin = await openTwin();
  const { handle, answers } = twin;
  const text = "x".repeat(200_000);
  const topics: [string, unknown][] = [
    [`${ME}/a/put`, { data: { n: 1 } }],
    [`${ME}/a/put`, { version: 9, data: {} }],
    [`${ME}/a/get`, ""],
    [`${ME}/a/patch`, { version: 1, data: { n: 2 } }],
    [`${ME}/a/put`, { version: 2, data: { n: 3, text } }],
    [`${ME}/a/patch`, { version: 3, data: { n: 4 } }],
    [`${ME}/a/get`, ""],
    [`${ME}/a/put`, "no JSON"],
    [`${ME}/a/patch`, { version: 4, data: { text: null } }],
    [`${ME}/a/put`, { version: 5, data: { n: 6 } }],
    [`${ME}/a/get`, ""],
  ];
  await Promise.all(topics.map(([topic, payload]) => handle(topic, payload)));
  const told = answers.map(({ topic, body }) => [
    topic.split("/").slice(4).join(" "),
    body.error ?? [body.version, body.data.n],
  ]);
  expect(told).toEqual([
    ["put response success", [1, 1]],
    ["put response error", "document version mismatch"],
    ["get response success", [1, 1]],
    ["patch response success", [2, 2]],
    ["put response success", [3, 3]],
    ["patch response success", [4, 4]],
    ["get response success", [4, 4]],
    ["put response error", "invalid document format"],
    ["patch response success", [5, 4]],
    ["put response success", [6, 6]],
    ["get response success", [6, 6]],
  ]);
});

test("concurrent writes share a commit", async () => {
  await using twin = await openTwin();
  const { store } = twin.world.deps;
  let reads = 0;
  const { read } = store;
  store.read = (ask) => {
    reads++;
    return read(ask);
  };
  const writes = Array.from({ length: 100 }, (_, n) => twin.handle(`${ME}/a/put`, { data: { n } }));
  expect(twin.requests.unanswered).toBe(100);
  await Promise.all(writes);
  expect(reads).toBe(0);
  const [{ instants }] = twin.world.query("SELECT count(DISTINCT occurred_at) AS instants FROM events");
  expect(instants).toBe(1);
  expect(twin.answers.map(({ body }) => body.version)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
});

test("requests above the unanswered maximum are refused, each in order", async () => {
  await using twin = await openTwin();
  const codes = await Promise.all(Array.from({ length: 1030 }, () => twin.handle(`${ME}/a/put`, { data: {} })));
  expect(twin.answers.length).toBe(1030);
  expect(twin.answers.map(({ body }) => body.version ?? body.error)).toEqual([
    ...Array.from({ length: 1024 }, (_, n) => n + 1),
    ...Array(6).fill("too many requests are in work; try again later"),
  ]);
  expect(codes.slice(1022, 1026)).toEqual([0, 0, REASON.quotaExceeded, REASON.quotaExceeded]);
  expect(twin.requests.unanswered).toBe(0);
  expect((await twin.ask(`${ME}/a/get`)).body.version).toBe(1024);
});

test("large payloads in progress count in the memory budget that all requests share", async () => {
  await using twin = await openTwin();
  const { bodies } = twin.world.deps;
  const release = bodies.reserve(16 * 1024 * 1024, twin.accountId);
  const { body } = await twin.ask(`${ME}/a/put`, { data: {} });
  expect(body.error).toBe("too many large requests are in work; try again later");
  release();
  await twin.ask(`${ME}/a/put`, { data: { text: "x".repeat(500_000) } });
  bodies.reserve(16 * 1024 * 1024, twin.accountId)();
});

test("an internal error gives no details, and is logged", async () => {
  await using twin = await openTwin();
  const { store } = twin.world.deps;
  store.write = () => Promise.reject(new Error("disk on fire"));
  const { body, reasonCode } = await twin.ask(`${ME}/a/put`, { data: {} });
  expect(body).toEqual({ error: "internal error", twin_id: twin.deviceId, document_name: "a" });
  expect(reasonCode).toBe(REASON.unspecified);
  const line = twin.world.logged.find(({ event }) => event === "twin_request.failed");
  expect(line).toMatchObject({ level: "error", deviceId: twin.deviceId, error: { message: "disk on fire" } });
});

test("a deleted device writes nothing more", async () => {
  await using twin = await openTwin();
  await twin.ask(`${ME}/a/put`, { data: {} });
  await twin.call("DELETE", `/devices/${twin.deviceId}`);
  expect((await twin.ask(`${ME}/a/put`, { data: {} })).body.error).toBe("the Twin is terminated");
});

test("in MQTT 5 correlation data is returned, and the acknowledgement has the outcome", async () => {
  await using twin = await openTwin({}, 5);
  const correlationData = Buffer.from([0, 255, 1]);
  const asked = { properties: { correlationData } };
  const put = await twin.ask(`${ME}/a/put`, { data: {} }, asked);
  expect([put.topic, put.reasonCode]).toEqual([`${ME}/a/put/response/success`, REASON.success]);
  expect(put.message.properties).toEqual({ correlationData: correlationData.toString("base64") });
  const codes: [string, unknown, number][] = [
    [`${ME}/a/put`, { version: 9, data: {} }, REASON.implementationSpecific],
    [`${ME}/b/get`, "", REASON.implementationSpecific],
    [`${ME}/a/put`, "", REASON.payloadFormatInvalid],
    ["$SCW/twins/11111111-1111-4111-8111-111111111111/a/get", "", REASON.notAuthorized],
  ];
  for (const [topic, payload, code] of codes) {
    const { reasonCode, message } = await twin.ask(topic, payload, asked);
    expect([topic, reasonCode]).toEqual([topic, code as typeof reasonCode]);
    expect(message.properties?.correlationData).toBe(correlationData.toString("base64"));
  }
});

test("in MQTT 5 the answer goes to the response topic, if the caller is subscribed to it, and has the outcome", async () => {
  await using twin = await openTwin({}, 5);
  const asked = { properties: { responseTopic: "replies/panel", correlationData: Buffer.from("7") } };
  await twin.handle(`${ME}/a/put`, { data: {} }, asked);
  expect(twin.answers).toEqual([]);
  twin.granted.set("replies/", 1);
  const get = await twin.ask(`${ME}/a/get`, "", asked);
  expect([get.topic, get.body.version]).toEqual(["replies/panel", 1]);
  expect(get.message.properties).toEqual({
    correlationData: Buffer.from("7").toString("base64"),
    userProperties: [["outcome", "success"]],
  });
  const refused = await twin.ask(`${ME}/b/get`, "", { properties: { responseTopic: "replies/panel" } });
  expect([refused.topic, refused.body.error]).toEqual(["replies/panel", "document not found"]);
  expect(refused.message.properties).toEqual({ userProperties: [["outcome", "error"]] });
});

test("two connections of a device are answered separately", async () => {
  await using twin = await openTwin();
  const second = connectTwin(twin.world.deps, twin);
  await Promise.all([twin.handle(`${ME}/a/put`, { data: {} }), second.handle(`${ME}/b/put`, { data: {} })]);
  expect(twin.answers.map(({ body }) => body.document_name)).toEqual(["a"]);
  expect(second.answers.map(({ body }) => body.document_name)).toEqual(["b"]);
});
