import { expect, test } from "bun:test";
import { newTwin } from "../support/world/ledger.ts";
import { journal, messages, published } from "../support/world/published-messages.ts";
import { openStickers } from "../support/world/sticker.ts";

const YEAR_SECONDS = 365 * 86_400;

test("a sticker is put, seen by its recipients, and removed by one of them for all", async () => {
  await using opened = await openStickers();
  const { company, desk, contractor, twin, path, recipients, put, get, list, remove, seconds } = opened;
  const validity_ts = seconds() + 86_400;
  const publish = { on_put: ["red"], on_remove: ["task-completed"], on_expire: ["task-expired"] };
  const red = { note: "Leaking valve, please repair", recipients, validity_ts, publish };
  const answer = await put({ red });
  const brief = { note: red.note, validity_ts, created_ts: seconds() };
  const stored = { ...red, created_ts: seconds() };
  expect([answer.status, answer.body]).toEqual([201, { stickers: { red: stored } }]);

  for (const person of [desk, contractor]) {
    expect((await get(person, "red")).body).toEqual(stored);
    expect((await person.call("GET", `${path}/`)).body).toEqual({ accounts: { [company.account]: { red: brief } } });
    expect(await list(person)).toEqual([{ account: company.account, twin, color: "red", ...brief }]);
  }
  // Users who are no recipients see nothing, even if the sticker and the twin are their account's.
  expect((await company.call("GET", path)).body).toEqual({ accounts: {} });
  expect(await list(company)).toEqual([]);

  expect((await remove(contractor, "red")).body).toEqual({ account: company.account, ...brief });
  for (const person of [desk, contractor]) {
    for (const gone of [await get(person, "red"), await remove(person, "red")]) {
      expect([gone.status, gone.body.subcode, gone.body.description]).toEqual([404, 404_653, "Sticker not found."]);
    }
    expect(await list(person)).toEqual([]);
  }
});

test("events are journaled, once for each request, and published on the topics of the occasion", async () => {
  await using opened = await openStickers();
  const { world, company, desk, contractor, twin, recipients, put, remove, seconds } = opened;
  const publish = { on_put: ["red", "work", "red"], on_remove: "done" };
  const answer = await put({ red: { note: "Leak", recipients, publish }, blue: { recipients } });
  const validity_ts = seconds() + YEAR_SECONDS;
  expect(answer.body.stickers.red.publish).toEqual({ on_put: ["red", "work"], on_remove: ["done"] });
  await remove(contractor, "red");
  await remove(desk, "blue");

  const event = { color: "red", note: "Leak", validity_ts, created_ts: seconds(), account: company.account };
  const about = { account: company.account, twin, event };
  expect(published(world)).toEqual([
    { ...about, trigger: "sticker.put", topics: ["red", "work"] },
    { ...about, trigger: "sticker.removed", topics: ["done"] },
  ]);
  const [put1, ...others] = journal(world, "sticker.put");
  expect(others).toEqual([]);
  expect(put1).toMatchObject({ account_id: company.account, twin_id: twin, actor_id: desk.user });
  expect(put1.data.stickers).toEqual({ red: answer.body.stickers.red, blue: answer.body.stickers.blue });
  expect(journal(world, "sticker.removed").map(({ actor_id, data }) => [actor_id, Object.keys(data.stickers)])).toEqual(
    [
      [contractor.user, ["red"]],
      [desk.user, ["blue"]],
    ],
  );
});

test("the older forms are accepted: a message, and a list of occasions with the color as topic", async () => {
  await using opened = await openStickers();
  const { world, desk, recipients, put, remove } = opened;
  const twice = [recipients[0], recipients[1], recipients[0]];
  const { stickers } = (
    await put({
      red: { message: "Old words", recipients: twice, publish: ["on_put", "on_expire", "on_remove", "on_put"] },
      blue: { note: "New", message: "Old", recipients, publish: [] },
      green: { recipients, note: null, validity_ts: null, publish: null },
      white: { recipients, publish: { on_put: null, on_expire: [] } },
    })
  ).body;
  expect(stickers.red).toMatchObject({
    note: "Old words",
    recipients,
    publish: { on_put: ["red"], on_remove: ["red"], on_expire: ["red"] },
  });
  expect([stickers.blue.note, stickers.blue.publish]).toEqual(["New", {}]);
  expect([stickers.green.note, stickers.green.publish]).toEqual([null, {}]);
  expect(stickers.white.publish).toEqual({ on_expire: [] });
  await remove(desk, "red");
  expect(messages(world)).toEqual(["sticker.put to red", "sticker.removed to red"]);
});

test("an account has a color once on a twin: a second put changes nothing, while other items take effect", async () => {
  await using opened = await openStickers();
  const { world, company, desk, recipients, put, get, remove } = opened;
  await put({ red: { note: "First", recipients, publish: ["on_put"] } });
  const again = await put({ red: { note: "Second", recipients, publish: ["on_put"] }, blue: { recipients } });
  expect(again.status).toBe(201);
  expect(Object.keys(again.body.stickers)).toEqual(["red", "blue"]);
  expect(again.body.stickers.red).toEqual({ error: "Sticker already exists." });
  expect((await get(desk, "red")).body.note).toBe("First");
  expect(messages(world)).toEqual(["sticker.put to red"]);

  await remove(desk, "red");
  expect((await put({ red: { note: "Third", recipients } })).body.stickers.red.note).toBe("Third");

  // Another twin and another account have colors of their own.
  const other = await newTwin(company);
  const elsewhere = await desk.call("POST", `/twins/${other}/stickers`, { stickers: { red: { recipients } } });
  expect(elsewhere.body.stickers.red.recipients).toEqual(recipients);
  const stranger = await world.createAccount("Stranger");
  const theirs = await put({ red: { note: "Theirs", recipients } }, stranger);
  expect(theirs.body.stickers.red.note).toBe("Theirs");
  expect(journal(world, "sticker.put").at(-1).account_id).toBe(stranger.account);
});

test("stickers are for users, for roles and for accounts, of any account, and for no other callers", async () => {
  await using opened = await openStickers();
  const { world, company, desk, contractor, put, colors } = opened;
  const partner = await world.createAccount("Partner");
  const fitter = await world.createUser(partner, { effect: "deny", actions: null });
  await put({
    user: { recipients: [fitter.user] },
    role: { recipients: [fitter.role] },
    account: { recipients: [partner.account] },
    many: { recipients: [fitter.user, fitter.role, partner.account, contractor.user] },
    nobody: { recipients: [crypto.randomUUID()] },
  });
  expect(await colors(fitter, "?context=system")).toEqual(["user", "role", "many", "account"]);
  expect(await colors(partner, "?context=system")).toEqual(["many", "account"]);
  expect(await colors(contractor)).toEqual(["many"]);
  expect(await colors(desk)).toEqual([]);
  expect(await colors(company)).toEqual([]);
  // A change of role brings the new role's stickers and takes the old one's away.
  await partner.call("PATCH", `/users/${fitter.user}`, { role: partner.role });
  expect(await colors(fitter, "?context=system")).toEqual(["user", "many", "account"]);
});

test("a list is newest first, then descending by account, twin and color, and is filtered and paged", async () => {
  await using opened = await openStickers();
  const { world, company, contractor, twin, put, list, seconds } = opened;
  const stranger = await world.createAccount("Stranger");
  const recipients = [contractor.user, contractor.role, company.account];
  const other = await newTwin(company);
  const putOn = (where: string, by: typeof stranger, color: string) =>
    by.call("POST", `/twins/${where}/stickers`, { stickers: { [color]: { recipients } } });
  const start = seconds();
  await put({ b: { recipients }, a: { recipients }, c: { recipients } });
  await putOn(other, company, "a");
  world.clock.advance(1500);
  await putOn(twin, stranger, "a");
  await putOn(twin, stranger, "d");
  world.clock.advance(1500);
  await putOn(other, company, "d");

  const spelled = async (query: string) =>
    (await list(contractor, query)).map(
      ({
        account,
        twin: where,
        color,
        created_ts,
      }: {
        account: string;
        twin: string;
        color: string;
        created_ts: number;
      }) =>
        `${created_ts - start} ${account === company.account ? "own" : "theirs"} ${where === twin ? 1 : 2} ${color}`,
    );
  const first = ["0 own 1 c", "0 own 1 b", "0 own 1 a"];
  const atStart = twin > other ? [...first, "0 own 2 a"] : ["0 own 2 a", ...first];
  const all = ["3 own 2 d", "1.5 theirs 1 d", "1.5 theirs 1 a", ...atStart];
  const own = all.filter((line) => line.includes("own"));
  expect(await spelled("")).toEqual(own);
  expect(await spelled("?context=personal")).toEqual(own);
  expect(await spelled("?context=system")).toEqual(all);
  expect(await spelled(`?context=${stranger.account}`)).toEqual(all.slice(1, 3));
  const both = await contractor.call("GET", `/stickers?context=${company.account},${stranger.account}`);
  expect([both.status, both.body.subcode]).toEqual([400, 400_592]);
  expect(await spelled(`?context=${crypto.randomUUID()}`)).toEqual([]);
  expect(await spelled("?context=system&color=d")).toEqual([all[0], all[1]]);
  expect(await spelled(`?context=${stranger.account}&color=d`)).toEqual([all[1]]);
  expect(await spelled("?color=a")).toEqual(own.filter((line) => line.endsWith("a")));
  expect(await spelled(`?context=system&ge=${start + 1.5}`)).toEqual(all.slice(0, 3));
  expect(await spelled(`?context=system&ge=${start + 1.501}&le=${start + 3}`)).toEqual(all.slice(0, 1));
  expect(await spelled(`?context=system&le=${start + 1.5}&ge=${start + 0.001}`)).toEqual(all.slice(1, 3));
  for (let offset = 0; offset < 9; offset++) {
    expect(await spelled(`?context=system&limit=2&offset=${offset}`)).toEqual(all.slice(offset, offset + 2));
  }
  expect(await spelled("?limit=0")).toEqual([]);
});

test("if several accounts put one color, the caller's own sticker comes first, then the newest, and a removal must name the account", async () => {
  await using opened = await openStickers();
  const { world, company, contractor, put, get, remove } = opened;
  const [north, south] = [await world.createAccount("North"), await world.createAccount("South")];
  const recipients = [contractor.user];
  for (const [note, by] of [
    ["own", company],
    ["north", north],
    ["south", south],
  ] as const) {
    await put({ red: { note, recipients } }, by);
    world.clock.advance(10);
  }
  const note = async (query = "") => (await get(contractor, "red", query)).body.note;
  expect(await note()).toBe("own");
  expect(await note(`?context=${north.account}`)).toBe("north");
  expect(await note(`?context=${north.account},${south.account}`)).toBe("south");
  const torn = await remove(contractor, "red", "?context=system");
  expect([torn.status, torn.body.subcode]).toEqual([400, 400_979]);
  expect((await remove(contractor, "red")).body.note).toBe("own");
  expect((await remove(contractor, "red")).status).toBe(404);
  expect(await note()).toBe("south");
  expect((await remove(contractor, "red", `?context=${south.account}`)).body.account).toBe(south.account);
  // One that is addressed to others only makes no ambiguity.
  await put({ red: { recipients: [south.user] } }, south);
  expect((await remove(contractor, "red", "?context=system")).body.note).toBe("north");
});

test("colors that are special names in scripts are returned unchanged", async () => {
  await using opened = await openStickers();
  const { desk, twin, path, recipients, get, remove } = opened;
  const wish = JSON.stringify({ recipients });
  const raw = `{"stickers":{"__proto__":${wish},"7":${wish},"constructor":${wish}}}`;
  const put = await desk.call("POST", path, undefined, { raw });
  expect([put.status, Object.keys(put.body.stickers).sort()]).toEqual([201, ["7", "__proto__", "constructor"]]);
  const seen = (await desk.call("GET", `/twins/${twin}/stickers`)).body.accounts[desk.account];
  expect(Object.keys(seen).sort()).toEqual(["7", "__proto__", "constructor"]);
  for (const color of ["__proto__", "7", "constructor"]) {
    expect((await get(desk, color)).body.recipients).toEqual(recipients);
    expect((await remove(desk, color)).status).toBe(200);
  }
});
