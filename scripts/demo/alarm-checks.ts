import { connectDevice } from "../../test/support/mqtt/mqtt-device.ts";
import { type Cast, ME } from "./alarm-device.ts";

/** Steps 20 to 26: isolation, and the other features of documents and hubs. */
export async function playChecks(cast: Cast): Promise<void> {
  await playPrivacy(cast);
  await playRest(cast);
  await playEvents(cast);
}

async function playPrivacy({ narrator, app, ask, device, neighbour, deviceUrl }: Cast): Promise<void> {
  narrator.chapter("Part D: what other devices cannot see");
  narrator.step("20", "The neighbour has listened to # and $SCW/# and $SCW/twins/# all along.");
  narrator.expect("what it has received", await neighbour.received(), []);

  narrator.step(
    "21",
    "The panel may have several connections now. A second one hears nothing of what the first one asks.",
  );
  const patched = await app("PATCH", `/devices/${device}`, { allow_multiple_connections: true });
  narrator.expect("the device", patched, { status: 200, body: { allow_multiple_connections: true } });
  narrator.act("Second connection", `CONNECT as ${device}, and SUBSCRIBE ${ME}/#`);
  await using second = await connectDevice(deviceUrl, { username: device, clientId: "second" });
  for (const filter of [`${ME}/#`, "marker/#"]) await second.subscribe(filter);
  const { topic } = await ask(`${ME}/current/get`);
  narrator.expect("the topic of the first one's answer", topic, `${ME}/current/get/response/success`);
  narrator.expect("what the second one has received", await second.received(), []);
}

async function playRest({ narrator, app, device }: Cast): Promise<void> {
  const path = (name: string) => `/twins/${device}/documents/${name}`;
  narrator.chapter("Part E: odds and ends");
  narrator.step("22", "Version 0 is no condition.");
  const put = await app("PUT", path("concurency"), { version: 0, data: { a: 1, b: 2 } });
  narrator.expect("the version", put, { status: 200, body: { version: 4 } });

  narrator.step("23", "null in a patch removes a key; in an array of it, it could remove nothing.");
  const removed = await app("PATCH", path("concurency"), { data: { a: null } });
  narrator.expect("the data", [removed.status, removed.body.data], [200, { b: 2 }]);
  const refused = await app("PATCH", path("concurency"), { data: { a: [1, null] } });
  narrator.expect("the refusal", refused, { status: 400, body: { type: "invalid_arguments" } });

  narrator.step("24", "_config is a document like any other.");
  const data = { documents: { current: { _tags: { source: "hall" }, door_open: { _tsdb_trigger: "on-change" } } } };
  await app("PUT", path("_config"), { data });
  const config = await app("GET", path("_config"));
  narrator.expect("its data", [config.status, config.body.data], [200, data]);

  narrator.step("25", "The app deletes one document, and then all.");
  narrator.expect("that one is gone", (await app("DELETE", path("concurency"))).status, 204);
  narrator.expect("that all are gone", (await app("DELETE", `/twins/${device}`)).status, 204);
  narrator.expect("the list", (await app("GET", `/twins/${device}`)).body, { documents: [] });
}

async function playEvents({ narrator, panel, createDevice, deviceUrl }: Cast): Promise<void> {
  narrator.step(
    "26",
    "A device that needs its certificate comes without. Subscribers to the hub's events receive the error.",
  );
  narrator.act("Panel", "SUBSCRIBE $SCW/events/error/#");
  await panel.subscribe("$SCW/events/error/#");
  const vault = await createDevice("vault", { allow_insecure: false });
  narrator.act("Vault", `CONNECT as ${vault}`);
  const refused = await connectDevice(deviceUrl, { username: vault }).catch((error) => error);
  narrator.expect("the refusal's code", refused.code, 5);
  const event = await panel.next();
  narrator.message("Panel", JSON.parse(event.text), event.topic);
  narrator.expect("the topic", event.topic, `$SCW/events/error/device/${vault}`);
  narrator.expect("the event", JSON.parse(event.text), {
    severity: "error",
    "object-type": "device",
    "object-id": vault,
    msg: "mutual TLS authentication is required",
  });
}
