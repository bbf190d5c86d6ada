import { openInbox } from "../../test/support/notifications/inbox.ts";
import { createAccount, startServer, temporaryFolder } from "../../test/support/process/server-process.ts";
import type { Json } from "../../test/support/world/world.ts";
import { Narrator } from "./narrator.ts";
import { playNotifications } from "./notifications.ts";
import { CONTRACTOR, createPerson, ENTRIES, METER_COMPANY, type Person } from "./people.ts";

/** The yearly review is due before the story ends: the demo waits in real time. */
const REVIEW_SECONDS = 30;

/** Everything that later chapters use. */
export type Cast = {
  narrator: Narrator;
  inbox: ReturnType<typeof openInbox>;
  admin: Person;
  desk: Person & { pin: string };
  contractor: Person;
  twin: string;
  red: Json;
  /** When the yellow sticker expires, in milliseconds. */
  reviewEnd: number;
};

/** The vendor's tutorial, steps 1 to 40 of the specification's walk-through, with a fresh server and a real receiver. */
export async function playStickers(): Promise<void> {
  using folder = temporaryFolder();
  await using inbox = openInbox();
  // The links in messages begin with the public URL, so the port has to be known beforehand.
  const http = `127.0.0.1:${freePort()}`;
  const options = { dataDir: folder.path, http, env: { TWINPOST_WEBHOOK_ALLOW: "127.0.0.0/8" } };
  await using server = await startServer(options);
  const { token, ...ids } = await createAccount(options, "Meter company");
  const admin = { name: "Super admin", ...ids };
  const narrator = new Narrator(server.url);
  narrator.name(admin.account, "Meter company");
  narrator.name(admin.user, "Super admin");
  narrator.name(admin.role, "role of Super admin");

  const desk = await playMeterCompany(narrator, admin);
  const twin = await playTwin(narrator, admin, desk);
  const contractor = await playContractor(narrator, admin);
  const cast = await playWork({ narrator, inbox, admin, desk, contractor, twin });
  await playNotifications(cast);
  narrator.end();
}

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  return port as number;
}

async function playMeterCompany(narrator: Narrator, admin: Person) {
  narrator.chapter("Part A: the meter company");
  narrator.step("1", "The super admin asks who they are.");
  const me = await narrator.call(admin.name, "GET", "/whoami", { as: admin.secret });
  const { account, user, role } = admin;
  narrator.expect("the super admin", me, { status: 200, body: { account, user, role } });

  narrator.step("2", "... and what their role permits: everything.");
  const found = await narrator.call(admin.name, "GET", `/roles/${role}`, { as: admin.secret });
  const statement = { effect: "deny", actions: [] };
  const rules = { twin_rule: null, entry_rule: null, identity_rule: null };
  narrator.expect("the role", found, { status: 200, body: { name: "Super Admin", statement, rules } });
  return createPerson(narrator, admin, { name: "Meter desk", role: "Meter company", actions: METER_COMPANY, first: 3 });
}

async function playTwin(narrator: Narrator, admin: Person, desk: Person): Promise<string> {
  const create = async (serial: string) => {
    const description = { application_name: "Water meters", object_type: "water meter", serial };
    const created = await narrator.call(desk.name, "POST", "/twins", { as: desk.secret, body: { description } });
    const { uuid } = created.body.creation_certificate;
    narrator.name(uuid, `meter ${serial}`);
    const body = {
      status: "alive",
      owner: admin.account,
      creation_certificate: { creator: admin.account },
      description,
    };
    narrator.expect("the twin", created, { status: 201, body });
    return uuid as string;
  };
  const add = (twin: string) =>
    narrator.call(desk.name, "POST", `/twins/${twin}/ledgers/personal`, {
      as: desk.secret,
      body: { entries: ENTRIES },
    });

  narrator.step("7", "The meter desk creates the twin of a water meter.");
  const twin = await create("12345");
  narrator.step("8", "... and keeps four entries about it, one with a month of history.");
  narrator.expect("the entries", await add(twin), { status: 201, body: { entries: ENTRIES } });
  narrator.step("9", "Adding them once more changes nothing, and says why.");
  const exists = { error: "Entry already exists." };
  const again = { reading: exists, battery: exists, log: exists, location: exists };
  narrator.expect("the answer", await add(twin), { status: 201, body: { entries: again } });
  narrator.step("10-11", "A second meter is a second twin.");
  narrator.expect("its entries", await add(await create("12346")), { status: 201, body: { entries: ENTRIES } });
  return twin;
}

async function playContractor(narrator: Narrator, admin: Person): Promise<Person> {
  narrator.chapter("Part B: the contractor");
  const contractor = await createPerson(narrator, admin, {
    name: "Contractor",
    role: "Contractor",
    actions: CONTRACTOR,
    first: 12,
  });
  narrator.step("16", "The contractor asks who they are.");
  const me = await narrator.call(contractor.name, "GET", "/whoami", { as: contractor.secret });
  const { account, user, role } = contractor;
  narrator.expect("the contractor", me, { status: 200, body: { account, user, role } });
  return contractor;
}

async function playWork(cast: Omit<Cast, "red" | "reviewEnd">): Promise<Cast> {
  const { narrator, desk, contractor, twin } = cast;
  const path = `/twins/${twin}/stickers`;
  const asDesk = (method: string, where: string, body?: Json) =>
    narrator.call(desk.name, method, where, { as: desk.secret, ...(body && { body }) });
  const list = () => narrator.call(contractor.name, "GET", "/stickers", { as: contractor.secret });
  const colorsOf = ({ body }: { body: Json }) => body.stickers.map(({ color }: Json) => color);

  narrator.chapter("Part C: stickers");
  narrator.step("17", "There are no stickers on the meter yet.");
  narrator.expect("nothing", Object.keys((await asDesk("GET", `${path}/`)).body.accounts), []);

  narrator.step("18", `The desk asks for a repair by tomorrow, and for a review within ${REVIEW_SECONDS} seconds.`);
  const reviewEnd = Date.now() + REVIEW_SECONDS * 1000;
  const red = {
    note: "Leaking valve, please repair",
    recipients: [contractor.user, desk.user],
    validity_ts: Math.floor(Date.now() / 1000) + 86_400,
    publish: { on_put: ["red"], on_remove: ["task-completed"], on_expire: ["task-expired"] },
  };
  const publish = { ...red.publish, on_put: ["yellow"] };
  const yellow = { ...red, note: "Yearly review", validity_ts: reviewEnd / 1000, publish };
  const put = await asDesk("POST", `${path}/`, { stickers: { red, yellow } });
  narrator.expect("both stickers", put, { status: 201, body: { stickers: { red, yellow } } });

  narrator.step("19", "The desk sees both.");
  const seen = (await asDesk("GET", `${path}/`)).body.accounts[desk.account];
  narrator.expect("the colors", Object.keys(seen).sort(), ["red", "yellow"]);
  narrator.step("20", "The contractor has both on their list, wherever the meter is.");
  narrator.expect("the list", colorsOf(await list()), ["yellow", "red"]);

  narrator.step("21", "The contractor has repaired the valve, and takes the red sticker off.");
  const removed = await narrator.call(contractor.name, "DELETE", `${path}/red`, { as: contractor.secret });
  const { note, validity_ts } = red;
  narrator.expect("the sticker", removed, { status: 200, body: { account: desk.account, note, validity_ts } });
  narrator.step("22", "It is off their list.");
  narrator.expect("the list", colorsOf(await list()), ["yellow"]);
  narrator.step("23", "The desk does not find it either: it is gone for all.");
  const gone = await asDesk("GET", `${path}/red`);
  narrator.expect("the refusal", gone, { status: 404, body: { subcode: 404_653, description: "Sticker not found." } });
  return { ...cast, red, reviewEnd };
}
