import { resetUserSecret } from "../access/secrets/reset-user-secret.ts";
import { Uuid } from "../kernel/schema.ts";
import { printCredentials, withToolStore } from "./tool.ts";
import { type Arguments, UsageError } from "./usage.ts";

/** `twinpost secret reset --user UUID [--json]` */
export async function secretReset({ options, flags }: Arguments): Promise<void> {
  const user = Uuid.safeParse(options.user);
  if (!user.success) throw new UsageError("secret reset needs --user with the UUID of a user");
  const reset = await withToolStore(flags, (store, random) => resetUserSecret(store, random, user.data));
  printCredentials("secret", reset, options.json ?? false);
}
