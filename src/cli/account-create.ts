import { z } from "zod";
import { createAccount } from "../access/create-account.ts";
import { printCredentials, withToolStore } from "./tool.ts";
import { type Arguments, UsageError } from "./usage.ts";

const AccountName = z
  .string()
  .trim()
  .min(1)
  .max(128)
  .regex(/^\P{Cc}+$/u);

/** `twinpost account create --name NAME [--json]` */
export async function accountCreate({ options, flags }: Arguments): Promise<void> {
  const name = AccountName.safeParse(options.name);
  if (!name.success) throw new UsageError("account create needs --name with 1 to 128 characters");
  const created = await withToolStore(flags, (store, random) => createAccount(store, random, name.data));
  printCredentials("account", created, options.json ?? false);
}
