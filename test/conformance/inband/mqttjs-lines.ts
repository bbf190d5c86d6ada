import { createInterface } from "node:readline";
import mqtt from "mqtt";

// One connection of mqtt.js, controlled by lines of JSON: `mqttjs-lines.ts URL OPTIONS`. It ends with its input.

const [url = "", options = "{}"] = process.argv.slice(2);
const say = (words: object) => process.stdout.write(`${JSON.stringify(words)}\n`);

const client = mqtt.connect(url, { ...JSON.parse(options), reconnectPeriod: 0 });
client.on("message", (topic, payload) => say({ topic, text: payload.toString() }));
client.on("error", (error) => {
  say({ refused: error.message });
  process.exit(1);
});
await new Promise((resolve) => client.once("connect", resolve));
say({ connected: true });

for await (const line of createInterface({ input: process.stdin })) {
  const { subscribe, publish, text, qos } = JSON.parse(line);
  if (subscribe) say({ granted: (await client.subscribeAsync(subscribe)).map(({ qos }) => qos) });
  if (publish) {
    await client.publishAsync(publish, text, { qos });
    say({ published: true });
  }
}
await client.endAsync();
