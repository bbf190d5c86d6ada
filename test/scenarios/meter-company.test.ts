import { expect, test } from "bun:test";
import { journal, listen, messages } from "../support/world/published-messages.ts";
import { type Caller, type Json, openWorld, type World } from "../support/world/world.ts";

// The vendor's tutorial "stickers (workflow tags) and notifications", call by call: the numbers are those of the specification's
// walk-through (section 5). One story, so each chapter goes on where the one before ended. What needs subscriptions and a receiver
// of their messages is told in meter-company-notifications.

const chapters: [sentence: string, run: () => Promise<void>][] = [];
const chapter = (sentence: string, run: () => Promise<void>) => chapters.push([sentence, run]);

let world: World;
let admin: Caller;
/** The meter company's desk and the contractor: what they know, and what they can do. */
let desk: Person;
let contractor: Person;
let twin: string;
/** The day on which the work has to be done, in seconds. */
let tomorrow: number;
/** The topics to which messages were sent so far, confirmed or not. */
const told = () => messages(world);

type Person = Awaited<ReturnType<typeof meet>>;

const METER_COMPANY = [
  "get_account",
  "get_user",
  "get_users",
  "get_user_role",
  "get_user_roles",
  "get_user_secret",
  "create_twin",
  "get_twin",
  "update_twin",
  "terminate_twin",
  "scan_twins",
  "add_twin_ledger_entry",
  "get_twin_ledger_entry",
  "update_twin_ledger_entry",
  "delete_twin_ledger_entry",
  "get_twin_ledger_entry_value",
  "update_twin_ledger_entry_value",
  "get_twin_ledger_entry_history",
  "put_sticker",
  "get_sticker",
  "get_stickers",
  "list_stickers",
  "remove_sticker",
  "webhook_subscribe",
  "get_notifications_access",
  "update_notifications_account_access",
];
const CONTRACTOR = [
  "who_am_i",
  "get_user",
  "get_user_role",
  "get_user_secret",
  "get_sticker",
  "get_stickers",
  "list_stickers",
  "remove_sticker",
  "webhook_subscribe",
  "webhook_confirm_subscription",
  "webhook_refresh_subscription",
  "webhook_unsubscribe",
];

const ENTRIES = {
  reading: { value: 4821.7, visibility: "USER.profession == 'service'", history: "1M" },
  battery: { value: 93 },
  log: { value: [] },
  location: { value: { lat: 54.35, lon: 18.65 } },
};

/** A role, a user who has it, a PIN for them, and the secret that they exchange it for. */
async function meet(name: string, actions: string[]) {
  const statement = { effect: "allow", actions };
  const role = await admin.call("POST", "/roles", { name, statement });
  expect(role.status).toBe(201);
  expect(role.body).toMatchObject({ name, account: admin.account, statement });
  const user = await admin.call("POST", "/users", {
    name: name === "Contractor" ? name : "Meter desk",
    role: role.body.uuid,
  });
  expect(user.status).toBe(201);
  expect(user.body).toMatchObject({ role: role.body.uuid, account: admin.account, activity: null });
  const pin = await admin.call("POST", `/users/${user.body.uuid}/secrets`);
  expect([pin.status, pin.body.pin]).toEqual([201, expect.stringMatching(/^[0-9A-Za-z]{6}$/)]);
  const redeemed = await world.call("POST", `/secrets/${admin.account}/${pin.body.pin}`);
  expect(redeemed.status).toBe(201);
  expect(redeemed.body).toMatchObject({ account: admin.account, user: user.body.uuid, validity_ts: null });
  const ids = { account: admin.account, user: user.body.uuid as string, role: role.body.uuid as string };
  return { ...world.caller(ids, redeemed.body.secret), pin: pin.body.pin as string };
}

const stickers = () => `/twins/${twin}/stickers`;
const repair = () => ({
  note: "Leaking valve, please repair",
  recipients: [contractor.user, desk.user],
  validity_ts: tomorrow,
  publish: { on_put: ["red"], on_remove: ["task-completed"], on_expire: ["task-expired"] },
});
const review = () => ({ ...repair(), note: "Yearly review", publish: { ...repair().publish, on_put: ["yellow"] } });

chapter("1-2: I ask who I am, and see what my role permits", async () => {
  const me = await admin.call("GET", "/whoami");
  expect([me.status, me.body]).toMatchObject([200, { account: admin.account, user: admin.user, role: admin.role }]);
  const role = await admin.call("GET", `/roles/${admin.role}`);
  expect(role.body).toMatchObject({
    uuid: admin.role,
    name: "Super Admin",
    account: admin.account,
    statement: { effect: "deny", actions: [] },
    rules: { twin_rule: null, entry_rule: null, identity_rule: null },
  });
});

chapter(
  "3-6: I give the meter desk a role that makes no users, and a PIN that they exchange for a secret",
  async () => {
    desk = await meet("Meter company", METER_COMPANY);
  },
);

chapter("7-8: the desk creates a meter's twin, with four entries in our ledger", async () => {
  const description = {
    application_name: "Water meters",
    object_type: "water meter",
    serial: "12345",
    website: "https://meters.example.org",
  };
  const { status, body } = await desk.call("POST", "/twins", { description });
  expect(status).toBe(201);
  expect(body).toMatchObject({ status: "alive", owner: admin.account, description });
  expect(body.creation_certificate.creator).toBe(admin.account);
  twin = body.creation_certificate.uuid;
  const added = await desk.call("POST", `/twins/${twin}/ledgers/personal`, { entries: ENTRIES });
  expect([added.status, added.body.entries]).toMatchObject([201, ENTRIES]);
  for (const entry of Object.values<Json>(added.body.entries)) {
    for (const key of ["entry_created_ts", "entry_updated_ts", "value_changed_ts"]) expect(entry[key]).toBeNumber();
  }
});

chapter("9: adding them once more says that they exist already", async () => {
  const path = `/twins/${twin}/ledgers/personal`;
  const before = (await desk.call("GET", path)).body;
  const again = await desk.call("POST", path, { entries: ENTRIES });
  const exists = { error: "Entry already exists." };
  expect([again.status, again.body.entries]).toEqual([
    201,
    { reading: exists, battery: exists, log: exists, location: exists },
  ]);
  expect((await desk.call("GET", path)).body).toEqual(before);
});

chapter("10-11: another meter is another twin", async () => {
  const { status, body } = await desk.call("POST", "/twins", { description: { serial: "12346" } });
  expect([status, body.creation_certificate.uuid === twin]).toEqual([201, false]);
  const path = `/twins/${body.creation_certificate.uuid}/ledgers/personal`;
  expect((await desk.call("POST", path, { entries: ENTRIES })).status).toBe(201);
});

chapter("12-16: I give the contractor a role for stickers and webhooks, and they learn who they are", async () => {
  contractor = await meet("Contractor", CONTRACTOR);
  const me = await contractor.call("GET", "/whoami");
  expect(me.body).toMatchObject({ account: admin.account, user: contractor.user, role: contractor.role });
});

chapter("17-19: the desk puts two requests for repair on the meter, valid one day, and sees both", async () => {
  expect((await desk.call("GET", `${stickers()}/`)).body).toEqual({ accounts: {} });
  tomorrow = world.clock.now() / 1000 + 86_400;
  const put = await desk.call("POST", `${stickers()}/`, { stickers: { red: repair(), yellow: review() } });
  const created_ts = world.clock.now() / 1000;
  expect([put.status, put.body]).toEqual([
    201,
    { stickers: { red: { ...repair(), created_ts }, yellow: { ...review(), created_ts } } },
  ]);
  const brief = (note: string) => ({ note, validity_ts: tomorrow, created_ts });
  expect((await desk.call("GET", `${stickers()}/`)).body).toEqual({
    accounts: { [admin.account]: { red: brief(repair().note), yellow: brief(review().note) } },
  });
});

chapter("20-22: the contractor finds both on their list, does the repair and takes the red one off", async () => {
  const list = async () => (await contractor.call("GET", "/stickers")).body.stickers;
  expect((await list()).map(({ color }: Json) => color)).toEqual(["yellow", "red"]);
  const [, red] = await list();
  expect(red).toMatchObject({ account: admin.account, twin, note: repair().note, validity_ts: tomorrow });
  const removed = await contractor.call("DELETE", `${stickers()}/red`);
  expect([removed.status, removed.body]).toEqual([
    200,
    { account: admin.account, note: repair().note, validity_ts: tomorrow, created_ts: red.created_ts },
  ]);
  expect((await list()).map(({ color }: Json) => color)).toEqual(["yellow"]);
});

chapter("23: the desk no longer finds it", async () => {
  const gone = await desk.call("GET", `${stickers()}/red`);
  expect([gone.status, gone.body]).toMatchObject([404, { subcode: 404_653, description: "Sticker not found." }]);
  expect(gone.body.trace).toBeString();
});

chapter("27-28, 32-33: the color is free again, and what happens to it goes to its topics", async () => {
  const before = told().length;
  const put = await desk.call("POST", stickers(), { stickers: { red: repair() } });
  expect([put.status, put.body.stickers.red.note]).toEqual([201, repair().note]);
  expect((await contractor.call("DELETE", `${stickers()}/red`)).status).toBe(200);
  expect(told().slice(before)).toEqual(["sticker.put to red", "sticker.removed to task-completed"]);
});

chapter("34: a PIN works once, and not after ten minutes", async () => {
  const used = await world.call("POST", `/secrets/${admin.account}/${desk.pin}`);
  expect([used.status, used.body.subcode]).toEqual([404, 404_653]);
  const { pin } = (await admin.call("POST", `/users/${desk.user}/secrets`)).body;
  world.clock.advance(10 * 60_000);
  const late = await world.call("POST", `/secrets/${admin.account}/${pin}`);
  expect([late.status, late.body.subcode]).toEqual([404, 404_653]);
});

chapter("35: without a secret, or with a wrong one, no caller is authenticated", async () => {
  const wrong = desk.authorization.split("").reverse().join("");
  for (const headers of [{}, { authorization: wrong }]) {
    const answer = await world.call("GET", "/whoami", { headers });
    expect([answer.status, answer.body.subcode]).toEqual([401, 401_000]);
  }
});

chapter("36: the contractor creates no twins, and the desk no users", async () => {
  for (const refused of [
    await contractor.call("POST", "/twins", {}),
    await desk.call("POST", "/users", { name: "Somebody", role: desk.role }),
  ]) {
    expect([refused.status, refused.body.subcode]).toEqual([403, 403_535]);
  }
});

chapter("37: the yearly review was not done, so its sticker expires, and that is published", async () => {
  const before = told().length;
  world.clock.advance(tomorrow * 1000 - world.clock.now() - 1);
  await world.scheduler.settled();
  expect((await contractor.call("GET", "/stickers")).body.stickers.length).toBe(1);
  world.clock.advance(1);
  expect((await contractor.call("GET", "/stickers")).body.stickers).toEqual([]);
  await world.scheduler.settled();
  expect(told().slice(before)).toEqual(["sticker.expired to task-expired"]);
  expect(journal(world, "sticker.expired").map(({ occurred_at }) => occurred_at)).toEqual([tomorrow * 1000]);
});

chapter(
  "40: of two who take the sticker off at the same moment one does, the other finds nothing, and one message tells of it",
  async () => {
    tomorrow += 86_400;
    await desk.call("POST", stickers(), { stickers: { red: repair() } });
    const before = told().length;
    const answers = await Promise.all([
      desk.call("DELETE", `${stickers()}/red`),
      contractor.call("DELETE", `${stickers()}/red`),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(told().slice(before)).toEqual(["sticker.removed to task-completed"]);
  },
);

test("the meter company's story, from the first call to the sticker that two people take off at once", async () => {
  await using opened = await openWorld();
  world = opened;
  world.scheduler.start();
  admin = await world.createAccount("Meter company");
  listen(world, admin.account);
  for (const [sentence, run] of chapters) {
    try {
      await run();
    } catch (cause) {
      throw new Error(`chapter ${sentence}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
});
