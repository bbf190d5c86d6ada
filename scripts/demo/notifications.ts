import type { Json } from "../../test/support/world/world.ts";
import type { Cast } from "./stickers.ts";

const WEEK_SECONDS = 604_800;
/** How long the demo waits to see that no message arrives: far longer than a message takes here. */
const SILENCE_MS = 1500;
/** Tolerance for the clocks of two processes and a slow machine. */
const TOLERANCE_SECONDS = 30;

/** Parts D and E of the walk-through: steps 24 to 40. */
export async function playNotifications(cast: Cast): Promise<void> {
  const { narrator } = cast;
  narrator.chapter("Part D: notifications");
  const links = await playContractorSubscribes(cast);
  await playDeskSubscribes(cast);
  narrator.chapter("Part E: what else should be so");
  await playRefusals(cast);
  await playExpiry(cast);
  await playEnd(cast, links);
}

type Links = { confirmation_url: string; refresh_url: string; unsubscribe_url: string };

/** The steps of one subscription: request it, then confirm it in the given way. */
async function subscribe(
  { narrator, inbox }: Cast,
  { name, secret }: { name: string; secret: string },
  body: { topic: string; expires?: number },
  path: string,
) {
  const callback_url = inbox.url(path);
  const asked = Date.now() / 1000;
  const answer = await narrator.call(name, "POST", "/notifications/webhooks", {
    as: secret,
    body: { callback_url, ...body },
  });
  const { topic } = body;
  narrator.expect("the subscription", answer, { status: 201, body: { callback_url, subscription: { topic } } });
  const late = answer.body.subscription.validity_ts - asked - WEEK_SECONDS;
  narrator.expect("its end in a week", Math.abs(late) < TOLERANCE_SECONDS, true);
  const [confirmation] = await inbox.untilCount(path, 1);
  narrator.message(name, confirmation);
  return confirmation;
}

async function playContractorSubscribes(cast: Cast): Promise<Links> {
  const { narrator, inbox, contractor, desk, twin, red } = cast;
  narrator.step("24-25", "The contractor wants to hear of red stickers, and is asked to confirm.");
  const confirmation = await subscribe(cast, contractor, { topic: "red", expires: WEEK_SECONDS }, "/contractor");
  narrator.expect("the message", confirmation, { type: "Confirmation", subscription: { topic: "red" } });
  narrator.expect("no hash, for there is no client secret", "hash" in confirmation, false);

  narrator.step("26", "They confirm, with nothing but the token.");
  const token = new URL(confirmation.confirmation_url).searchParams.get("token");
  const confirmed = await narrator.call("Contractor", "GET", `/notifications/webhooks/?token=${token}`);
  narrator.expect("the subscription", confirmed, { status: 200, body: { subscription: { topic: "red" } } });
  const { refresh_url, unsubscribe_url } = confirmed.body.subscription;

  narrator.step("27", "The desk puts the red sticker again: the color is free.");
  const put = await narrator.call(desk.name, "POST", `/twins/${twin}/stickers`, {
    as: desk.secret,
    body: { stickers: { red } },
  });
  narrator.expect("the sticker", put, { status: 201, body: { stickers: { red: { note: red.note } } } });

  narrator.step("28", "The contractor is told.");
  const [, told] = await inbox.untilCount("/contractor", 2);
  narrator.message("Contractor", told);
  narrator.expect("the message", told, {
    type: "Notification",
    trigger: "sticker.put",
    twin,
    subscription: { topic: "red" },
    event: { color: "red", note: red.note, validity_ts: red.validity_ts, account: desk.account },
  });
  return { confirmation_url: confirmation.confirmation_url, refresh_url, unsubscribe_url };
}

async function playDeskSubscribes(cast: Cast): Promise<void> {
  const { narrator, inbox, contractor, desk, twin } = cast;
  narrator.step("29-31", "The desk wants to hear of work that is done, and confirms.");
  const { confirmation_url } = await subscribe(cast, desk, { topic: "task-completed" }, "/meter");
  narrator.expect("200", (await narrator.call(desk.name, "GET", confirmation_url)).status, 200);

  narrator.step("32", "The contractor takes the sticker off.");
  const removed = await narrator.call(contractor.name, "DELETE", `/twins/${twin}/stickers/red`, {
    as: contractor.secret,
  });
  narrator.expect("200", removed.status, 200);
  narrator.step("33", "The desk is notified, the contractor is not.");
  const [, received] = await inbox.untilCount("/meter", 2);
  narrator.message(desk.name, received);
  const event = { color: "red" };
  narrator.expect("the message", received, {
    trigger: "sticker.removed",
    event,
    subscription: { topic: "task-completed" },
  });
  await Bun.sleep(SILENCE_MS);
  narrator.expect("the contractor's messages", kindsOf(cast, "/contractor"), ["Confirmation", "sticker.put"]);
}

async function playRefusals({ narrator, admin, desk, contractor }: Cast): Promise<void> {
  narrator.step("34", "A PIN works once.");
  const used = await narrator.call("Client without a secret", "POST", `/secrets/${admin.account}/${desk.pin}`);
  narrator.expect("the refusal", used, { status: 404, body: { subcode: 404_653 } });

  narrator.step("35", "Without a secret, or with a wrong one, a request is refused.");
  const wrong = desk.secret.split("").reverse().join("");
  for (const options of [{}, { as: wrong }]) {
    const refused = await narrator.call("Client", "GET", "/whoami", options);
    narrator.expect("the refusal", refused, { status: 401, body: { subcode: 401_000 } });
  }
  narrator.step("36", "The contractor creates no twins, and the desk no users.");
  const twin = await narrator.call(contractor.name, "POST", "/twins", { as: contractor.secret, body: {} });
  narrator.expect("the refusal", twin, { status: 403, body: { subcode: 403_535 } });
  const user = await narrator.call(desk.name, "POST", "/users", { as: desk.secret, body: { role: desk.role } });
  narrator.expect("the refusal", user, { status: 403, body: { subcode: 403_535 } });
}

async function playExpiry(cast: Cast): Promise<void> {
  const { narrator, inbox, desk, contractor, reviewEnd } = cast;
  narrator.step("37", "The yearly review is not done. The desk subscribes to expiries.");
  const { confirmation_url } = await subscribe(cast, desk, { topic: "task-expired" }, "/expired");
  await narrator.call(desk.name, "GET", confirmation_url);
  narrator.expect("time is left", Date.now() < reviewEnd, true);
  await Bun.sleep(reviewEnd - Date.now());
  const [, received] = await inbox.untilCount("/expired", 2);
  narrator.message(desk.name, received);
  narrator.expect("the message", received, { trigger: "sticker.expired", event: { color: "yellow" } });
  narrator.expect("it came at the sticker's end, within a second", received.sent_ts * 1000 - reviewEnd <= 1000, true);
  const list = await narrator.call(contractor.name, "GET", "/stickers", { as: contractor.secret });
  narrator.expect("the list", list.body.stickers, []);
}

async function playEnd(cast: Cast, { confirmation_url, refresh_url, unsubscribe_url }: Links): Promise<void> {
  const { narrator, inbox, desk, contractor, twin, red } = cast;
  narrator.step("38", "The contractor refreshes their subscription for a day.");
  const refreshed = await narrator.call(contractor.name, "PATCH", refresh_url, { body: { expires: 86_400 } });
  narrator.expect("200", refreshed.status, 200);
  const late = refreshed.body.subscription.validity_ts - Date.now() / 1000 - 86_400;
  narrator.expect("its end in a day", Math.abs(late) < TOLERANCE_SECONDS, true);

  narrator.step("39", "... and ends it. Its links stop working, and a red sticker notifies no subscriber.");
  narrator.expect("200", (await narrator.call(contractor.name, "DELETE", unsubscribe_url)).status, 200);
  for (const [method, link] of [
    ["GET", confirmation_url],
    ["PATCH", refresh_url],
    ["DELETE", unsubscribe_url],
  ] as const) {
    const gone = await narrator.call(contractor.name, method, link);
    narrator.expect("the refusal", gone, { status: 404, body: { subcode: 404_653 } });
  }
  const path = `/twins/${twin}/stickers`;
  const put = await narrator.call(desk.name, "POST", path, { as: desk.secret, body: { stickers: { red } } });
  narrator.expect("201", put.status, 201);

  narrator.step(
    "40",
    "The desk and the contractor take it off at the same moment: one does, and one message tells of it.",
  );
  const answers = await Promise.all(
    [desk, contractor].map(({ name, secret }) => narrator.call(name, "DELETE", `${path}/red`, { as: secret })),
  );
  narrator.expect("the answers", answers.map(({ status }) => status).sort(), [200, 404]);
  await inbox.untilCount("/meter", 3);
  await Bun.sleep(SILENCE_MS);
  narrator.expect("the desk's messages", kindsOf(cast, "/meter"), [
    "Confirmation",
    "sticker.removed",
    "sticker.removed",
  ]);
  narrator.expect("the contractor's messages", kindsOf(cast, "/contractor"), ["Confirmation", "sticker.put"]);
}

/** Leaves out notices that a subscription lapses within a day. */
const kindsOf = ({ inbox }: Cast, path: string): string[] =>
  inbox.at(path).flatMap((message: Json) => (message.type === "Expiring" ? [] : [message.trigger ?? message.type]));
