import type { Json } from "../../test/support/world/world.ts";
import { type Cast, ME } from "./alarm-device.ts";

/** Steps 6 to 13: the desired and the current state, each a document that one side writes and the other reads. */
export async function playDocuments({ narrator, app, ask, device }: Cast): Promise<void> {
  const path = (name: string) => `/twins/${device}/documents/${name}`;
  const documentOf = (name: string, version: number, data: Json) => ({
    twin_id: device,
    document_name: name,
    version,
    data,
  });

  narrator.chapter("Part B: what is desired, and what is");
  narrator.step("6", "The panel asks what it should do. The app has not said so yet.");
  const nothing = await ask(`${ME}/desired/get`);
  narrator.expect("the answer", entries(nothing), [
    `${ME}/desired/get/response/error`,
    { error: "document not found", twin_id: device, document_name: "desired" },
  ]);

  narrator.step("7", "A user arms the alarm in the app. The panel is not notified.");
  const desired = documentOf("desired", 1, { alarm_armed: true });
  const put = await app("PUT", path("desired"), { data: { alarm_armed: true } });
  narrator.expect("the document", [put.status, put.body], [200, desired]);
  narrator.step("8", "The panel asks again.");
  const get = await ask(`${ME}/desired/get`);
  narrator.expect("the answer", entries(get), [`${ME}/desired/get/response/success`, desired]);

  narrator.step("9", "The app asks how the panel is, which has not said so yet.");
  const unknown = await app("GET", path("current"));
  narrator.expect("the refusal", unknown, { status: 404, body: { type: "not_found", resource: "twin_document" } });
  narrator.step("10", "The panel says how it is.");
  const state = { last_update: new Date().toISOString(), alarm_armed: false, siren_ringing: false, door_open: true };
  const first = await ask(`${ME}/current/put`, { data: state });
  const stored = documentOf("current", 1, state);
  narrator.expect("the answer", entries(first), [`${ME}/current/put/response/success`, stored]);
  narrator.step("11", "The app sees it.");
  const seen = await app("GET", path("current"));
  narrator.expect("the document", [seen.status, seen.body], [200, stored]);

  narrator.step("12", "The door is closed: the panel patches what has changed.");
  const change = { last_update: new Date().toISOString(), door_open: false };
  const patch = await ask(`${ME}/current/patch`, { data: change });
  const merged = documentOf("current", 2, { ...state, ...change });
  narrator.expect("the answer", entries(patch), [`${ME}/current/patch/response/success`, merged]);
  narrator.step("13", "The app lists the documents.");
  const list = await app("GET", `/twins/${device}`);
  const names = [{ document_name: "current" }, { document_name: "desired" }];
  narrator.expect("the list", [list.status, list.body], [200, { documents: names }]);
}

/** Steps 14 to 19: several actors write the same document, over REST and MQTT; versions prevent lost updates. */
export async function playConcurrency({ narrator, app, ask, device }: Cast): Promise<void> {
  const path = `/twins/${device}/documents/concurency`;
  const put = (body: Json) => app("PUT", path, body);
  const topic = `${ME}/concurency/put`;
  const about = { twin_id: device, document_name: "concurency" };

  narrator.chapter("Part C: two writers, one document");
  narrator.step("14", "The app writes a document that others write too.");
  const initial = await put({ data: { test_value: "initial" } });
  narrator.expect("its version", initial, { status: 200, body: { version: 1 } });
  narrator.step("15", "A first actor changes it, and says which version it has read.");
  const first = await put({ version: 1, data: { test_value: "first actor" } });
  const second = { ...about, version: 2, data: { test_value: "first actor" } };
  narrator.expect("the document", [first.status, first.body], [200, second]);
  narrator.step("16", "A second actor has read the same version: it is too late.");
  const late = await put({ version: 1, data: { test_value: "second actor" } });
  narrator.expect("the refusal", late, {
    status: 400,
    body: {
      type: "invalid_arguments",
      message: "invalid argument(s)",
      details: [{ argument_name: "version", reason: "constraint", help_message: "document version mismatch" }],
    },
  });
  narrator.expect("the document, unchanged", (await app("GET", path)).body, second);

  narrator.step("17", "So is the panel, by its own road.");
  const refused = await ask(topic, { version: 1, data: { test_value: "MQTT actor" } });
  narrator.expect("the answer", entries(refused), [
    `${topic}/response/error`,
    { error: "document version mismatch", ...about, expected_version: 1, actual_version: 2 },
  ]);
  narrator.step("18", "It has read the answer, and says 2.");
  const accepted = await ask(topic, { version: 2, data: { test_value: "MQTT actor" } });
  const third = { ...about, version: 3, data: { test_value: "MQTT actor" } };
  narrator.expect("the answer", entries(accepted), [`${topic}/response/success`, third]);
  narrator.step("19", "The app sees what the panel wrote.");
  const seen = await app("GET", path);
  narrator.expect("the document", [seen.status, seen.body], [200, third]);
}

/** Pairs, because `expect` compares lists exactly: the answer must contain nothing else. */
const entries = ({ topic, body }: { topic: string; body: Json }) => [topic, body];
