import type { Account } from "../process/server-process.ts";

/** The tests' receivers listen on the loopback address. */
export const LOOPBACK = { TWINPOST_WEBHOOK_ALLOW: "127.0.0.0/8" };

export async function subscribe(url: string, { secret }: Account, callback_url: string, topic: string): Promise<void> {
  const body = JSON.stringify({ callback_url, topic });
  const answer = await fetch(`${url}/notifications/webhooks`, {
    method: "POST",
    headers: { authorization: secret },
    body,
  });
  if (answer.status !== 201) throw new Error(`subscribing answers ${answer.status} ${await answer.text()}`);
}
