import { expect, test } from "bun:test";
import { openWorld } from "../support/world/world.ts";

type Parameter = { name: string; in: "path" | "query"; schema: { type?: unknown; enum?: string[]; anyOf?: unknown } };
type Described = { operationId: string; parameters: Parameter[] };
type Document = { servers: [{ url: string }]; paths: Record<string, Record<string, Described>> };

/** Texts that no database accepts unchanged, or that are not valid text, escaped as in a URL. */
const HOSTILE = {
  NUL: "%00",
  "NUL at the end": "a%00",
  "NUL between items": "a,%00,b",
  "half a surrogate": "%ED%A0%80",
  "bytes that are no text": "%FF%FE",
  "an escape that is none": "%",
  "a line feed": "a%0Ab",
  "direction marks": "%E2%80%AE",
  "a text that is long": "x".repeat(6_000),
  "a number that is long": "9".repeat(400),
  nothing: "",
};

test("no text in a path or query causes an internal error, in any operation", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const token = { "x-auth-token": caller.token };
  const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const hubs = "/iot/v1/regions/fr-par";
  const hub = (
    await world.call("POST", `${hubs}/hubs`, { body: { name: "h", product_plan: "plan_shared" }, headers: token })
  ).body;
  const device = (await world.call("POST", `${hubs}/devices`, { body: { hub_id: hub.id, name: "d" }, headers: token }))
    .body;
  const put = async (path: string, body: unknown) => {
    const answer = await caller.call("POST", path, body);
    expect([path, answer.status]).toEqual([path, 201]);
    return answer.body;
  };
  // A subscription, which some operations require, and everything else that a twin can have.
  await put("/notifications/webhooks", { callback_url: "https://hooks.example.org/", topic: "red" });
  await put(`/twins/${twin}/stickers`, { stickers: { red: { note: "n", recipients: [caller.user] } } });
  await put(`/twins/${twin}/ledgers/personal`, { entries: { e: { value: 1, history: "1D" } } });
  await put(`/twins/${twin}/identities`, { identities: { "RFID#a": {} } });
  const [delivery] = (await caller.call("GET", "/notifications/deliveries")).body.deliveries;
  /** Values that exist, so that a hostile text beside them gets as far as possible. */
  const there: Record<string, string> = {
    twin,
    twin_id: device.device.id,
    device_id: device.device.id,
    hub_id: hub.id,
    account: caller.account,
    user: caller.user,
    role: caller.role,
    ledger: "personal",
    context: "personal",
    name: "d",
    document_name: "d",
    entry: "e",
    color: "red",
    identity: "RFID%23a",
    delivery: delivery.uuid,
    subscription: delivery.subscription,
  };
  const fault: unknown[] = [];
  let asked = 0;
  for (const [document, base] of [
    [(await world.call("GET", "/openapi.json")).body as Document, ""],
    [(await world.call("GET", "/iot/v1/openapi.json")).body as Document, hubs],
  ] as const) {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { operationId, parameters }] of Object.entries(methods)) {
        for (const { name, in: place } of parameters) {
          for (const [what, text] of Object.entries(HOSTILE)) {
            const filled = path.replaceAll(/\{(\w+)\}/g, (_, part: string) =>
              place === "path" && part === name ? text : (there[part] ?? caller.user),
            );
            const query = place === "query" ? `?${name}=${text}&${name}=${text}x` : "";
            const single = place === "query" ? [`?${name}=${text}`, query] : [""];
            for (const asking of single) {
              const headers = base ? token : { authorization: caller.authorization };
              const { status } = await world.call(method.toUpperCase(), `${base}${filled}${asking}`, { headers });
              asked += 1;
              if (status >= 500) fault.push([operationId, place, name, what, status]);
            }
          }
        }
      }
    }
  }
  expect(fault).toEqual([]);
  expect(world.logged.filter(({ level }) => level === "error")).toEqual([]);
  expect(asked).toBeGreaterThan(1_000);
});
