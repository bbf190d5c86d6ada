import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { hashOf } from "../../src/notifications/model/secrets.ts";
import { openNotified, pathOf } from "../support/notifications/open-notified.ts";
import type { Json } from "../support/world/world.ts";

test("the specification's example of a hash", () => {
  const key = Buffer.from("q3ZrT8_kVb-1mXyAJd0wP5sYh2-LkR7c");
  const token =
    "Y19fXzBiN2MxZjJlLTVhNjQtNGQwYi05YzFmLTNmMmE3YmU0MWQxMF9fXzZjMWQwZjNlLTcyYTgtNGI5ZC04ZTE1LWIwZjRhNmMyZDc5M19fXzg2NmQyMmViNDU2NDY2ZjIwMGY2YjlmNGYyODhlZTU0";
  const texts = [
    "Confirmation",
    "b3f9a1d7-40c6-4e2a-9b58-7d1c0e6f2a84",
    "1764000600.25",
    `https://rest.example.com/notifications/webhooks/0b7c1f2e-5a64-4d0b-9c1f-3f2a7be41d10?token=${token}`,
    '{"topic":"red","account":"0b7c1f2e-5a64-4d0b-9c1f-3f2a7be41d10","validity_ts":1764605400.125}',
  ];
  expect(hashOf(key, texts)).toBe("0MTsFpJj2ZqgC61qxIzB0DBN9wwupMgIoEJ6Qe/dlpg=");
});

test("with a client secret every message carries the hash, until a refresh without one", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  const clientSecret = "q3ZrT8_kVb-1mXyA";
  const { links, server_secret } = await notified.confirmed(undefined, { client_secret: clientSecret });
  expect(server_secret).toMatch(/^[A-Za-z0-9_-]{16}$/);
  await notified.publish({ color: "red", note: "naïve ☂" });

  /** As a receiver computes it: exactly the texts of the body, in their order. */
  const expected = (text: string, body: Json, names: string[], serverSecret: string) =>
    hashOf(
      Buffer.from(clientSecret + serverSecret),
      names.map((name) => {
        if (typeof body[name] === "string") return body[name];
        const raw = JSON.stringify(body[name]);
        expect(text).toContain(`"${name}":${raw}`);
        return raw;
      }),
    );
  const [asked, told] = receiver.messages;
  const confirming = ["type", "message", "sent_ts", "confirmation_url", "subscription"];
  const telling = ["type", "trigger", "message", "twin", "event", "sent_ts", "subscription"];
  expect(asked?.body.hash).toBe(expected(asked?.text as string, asked?.body, confirming, server_secret));
  expect(told?.body.hash).toBe(expected(told?.text as string, told?.body, telling, server_secret));

  const refreshed = await world.call("PATCH", pathOf(links.refresh_url), { body: { client_secret: clientSecret } });
  expect(refreshed.body.server_secret).not.toBe(server_secret);
  await notified.publish();
  const third = receiver.messages[2];
  expect(third?.body.hash).toBe(expected(third?.text as string, third?.body, telling, refreshed.body.server_secret));
  await world.call("PATCH", pathOf(links.refresh_url));
  await notified.publish();
  expect(receiver.messages[3]?.body.hash).toBeUndefined();
});

test("the stored secrets open no subscription and sign no message", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  const client_secret = "q3ZrT8_kVb-1mXyA";
  const { signing_secret, server_secret } = await notified.confirmed(undefined, { client_secret });
  await notified.publish();
  const kept = JSON.stringify([
    world.query("SELECT * FROM webhook_subscriptions"),
    world.query("SELECT * FROM deliveries"),
  ]);
  const token = new URL(receiver.messages[0]?.body.confirmation_url).searchParams.get("token") as string;
  for (const secret of [signing_secret.slice(6), server_secret, client_secret, token, token.slice(-30)]) {
    expect(kept).not.toContain(secret);
  }
});

test("the official Standard Webhooks library verifies what arrives, and nothing that was changed on the way", async () => {
  await using notified = await openNotified();
  const { world, receiver } = notified;
  world.clock.set(Date.now());
  const { signing_secret } = await notified.confirmed();
  await notified.publish({ color: "red", note: "naïve ☂" });
  const verifier = new Webhook(signing_secret);
  for (const { text, headers, body } of receiver.messages) {
    expect(verifier.verify(text, headers)).toEqual(body);
    expect(() => verifier.verify(text.replace("red", "reb"), headers)).toThrow();
    expect(() => verifier.verify(text, { ...headers, "webhook-id": "other" })).toThrow();
    const another = text.replace(/"publisher":"[^"]+"/, `"publisher":"${crypto.randomUUID()}"`);
    expect([body.type, another !== text]).toEqual([body.type, body.type === "Notification"]);
    if (another !== text) expect(() => verifier.verify(another, headers)).toThrow();
  }
  const { signing_secret: another } = await notified.confirmed();
  expect(() =>
    new Webhook(another).verify(receiver.messages[0]?.text as string, receiver.messages[0]?.headers as never),
  ).toThrow();
});
