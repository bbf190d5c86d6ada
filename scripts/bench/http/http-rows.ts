import type { HttpRowName } from "../setup/options.ts";
import { describeTwin, ENTRY_NAME, readingOf, SEEDED_DOCUMENT } from "../setup/seed.ts";
import type { Served } from "../setup/world.ts";
import type { Floor } from "./floor.ts";
import type { LoadJob } from "./load.ts";
import type { RequestText } from "./request-template.ts";

export type HttpRow = {
  name: HttpRowName;
  /** A search examines many twins for each that it returns: its floor is reported, but its ratio has no target. */
  kind: "read" | "search" | "write";
  /** The target ratio to the floor, if it differs from that of the row's kind. */
  atLeast?: number;
  request: RequestText;
};

const DOCUMENT = `/twins/{uuid}/documents/${SEEDED_DOCUMENT}`;

/** A page of twins that all match. */
const search = (rule: string) => `/twins?cursor={cursor}&count=100&match=${encodeURIComponent(rule)}`;

export const HTTP_ROWS: readonly HttpRow[] = [
  { name: "whoami", kind: "read", request: { method: "GET", path: "/whoami" } },
  { name: "get_twin", kind: "read", request: { method: "GET", path: "/twins/{uuid}" } },
  {
    name: "update_twin",
    kind: "write",
    request: { method: "PATCH", path: "/twins/{uuid}", body: `{"description":${describeTwin("{digits}")}}` },
  },
  { name: "get_document", kind: "read", request: { method: "GET", path: DOCUMENT } },
  {
    name: "put_document",
    kind: "write",
    atLeast: 0.33,
    request: { method: "PUT", path: DOCUMENT, body: `{"data":${describeTwin("{digits}")}}` },
  },
  {
    name: "patch_document",
    kind: "write",
    request: { method: "PATCH", path: DOCUMENT, body: '{"data":{"serial":"{digits}"}}' },
  },
  { name: "scan_twins", kind: "read", request: { method: "GET", path: "/twins?cursor={cursor}" } },
  {
    name: "scan_twins_match_twin",
    kind: "search",
    request: { method: "GET", path: search("TWIN.model == 'PM-5340'") },
  },
  {
    name: "scan_twins_match_ledger",
    kind: "search",
    request: { method: "GET", path: search(`LEDGER.${ENTRY_NAME} > 0`) },
  },
  { name: "get_twin_ledger_entry", kind: "read", request: { method: "GET", path: "/twins/{uuid}/ledgers/personal" } },
  {
    name: "update_twin_ledger_entry_value",
    kind: "write",
    request: {
      method: "PATCH",
      path: "/twins/{uuid}/ledgers/personal/value",
      body: `{"entries":{"${ENTRY_NAME}":{"value":${readingOf("{digits}")}}}}`,
    },
  },
];

const CONNECTIONS = 64;
/** Long enough for the runtime to compile the code; later rounds find it compiled. */
const WARM_UP_MS = 1000;

/** Loads the product with a row, as fast as it can respond. */
export const productJob = (row: HttpRow, world: Served, seconds: number): LoadJob => ({
  url: world.url,
  serverPid: world.pid,
  request: { ...row.request, headers: { Authorization: world.account.secret } },
  idsFile: world.idsFile,
  expectedStatus: 200,
  connections: CONNECTIONS,
  warmUpMs: WARM_UP_MS,
  measureMs: seconds * 1000,
});

/** The same request with another path. */
export const floorJob = (row: HttpRow, floor: Floor, world: Served, seconds: number): LoadJob => {
  const job = productJob(row, world, seconds);
  const path = row.kind === "write" ? "/echo" : "/constant";
  return { ...job, url: floor.url, serverPid: floor.pid, request: { ...job.request, path } };
};

/** The size of the row's responses. */
export async function answerBytes({ request }: HttpRow, world: Served): Promise<number> {
  const id = await Bun.file(world.idsFile).slice(0, 36).text();
  const path = request.path.replace("{uuid}", id).replace("{cursor}", Buffer.from(id).toString("base64"));
  const response = await fetch(world.url + path, {
    method: request.method,
    headers: { Authorization: world.account.secret },
    ...(request.body && { body: request.body.replace("{digits}", "00000001") }),
  });
  if (response.status !== 200) throw new Error(`${request.method} ${path} answers ${response.status}`);
  return (await response.bytes()).length;
}
