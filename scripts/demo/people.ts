import type { Json } from "../../test/support/world/world.ts";
import type { Narrator } from "./narrator.ts";

/** A person with a user and a secret. */
export type Person = { name: string; account: string; user: string; role: string; secret: string };

export const METER_COMPANY = [
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

export const CONTRACTOR = [
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

export const ENTRIES = {
  reading: { value: 4821.7, visibility: "USER.profession == 'service'", history: "1M" },
  battery: { value: 93 },
  log: { value: [] },
  location: { value: { lat: 54.35, lon: 18.65 } },
};

/**
 * Steps `first` to `first + 3`: a role, a user with it, a PIN, and the secret that it is exchanged for. Returns the PIN
 * too.
 */
export async function createPerson(
  narrator: Narrator,
  admin: Person,
  { name, role: roleName, actions, first }: { name: string; role: string; actions: string[]; first: number },
): Promise<Person & { pin: string }> {
  const statement = { effect: "allow", actions };
  narrator.step(`${first}`, `The super admin makes a role that permits what the ${name.toLowerCase()} needs.`);
  const role = await ask("POST", "/roles", { name: roleName, statement });
  narrator.name(role.body.uuid, `role of ${name}`);
  narrator.expect("the role", role, { status: 201, body: { name: roleName, account: admin.account, statement } });

  narrator.step(`${first + 1}`, "... and a user who has it.");
  const user = await ask("POST", "/users", { name, role: role.body.uuid });
  narrator.name(user.body.uuid, name);
  const wanted = { name, role: role.body.uuid, account: admin.account, activity: null };
  narrator.expect("the user", user, { status: 201, body: wanted });

  narrator.step(`${first + 2}`, "... and a PIN, good for ten minutes and one use.");
  const pin = await ask("POST", `/users/${user.body.uuid}/secrets`);
  narrator.expect("the PIN's length", [pin.status, pin.body.pin.length], [201, 6]);

  narrator.step(`${first + 3}`, `The ${name.toLowerCase()} exchanges it for a secret that only they ever see.`);
  const redeemed = await narrator.call(name, "POST", `/secrets/${admin.account}/${pin.body.pin}`);
  const { secret } = redeemed.body;
  narrator.name(secret, `secret of ${name}`);
  narrator.expect("the secret's owner", redeemed, {
    status: 201,
    body: { account: admin.account, user: user.body.uuid, validity_ts: null },
  });
  narrator.expect("the secret's length", secret.length, 64);
  return { name, account: admin.account, user: user.body.uuid, role: role.body.uuid, secret, pin: pin.body.pin };

  function ask(method: string, where: string, body?: Json) {
    return narrator.call(admin.name, method, where, { as: admin.secret, ...(body && { body }) });
  }
}
