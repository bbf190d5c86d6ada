import { type Client, openClient } from "./client.ts";
import type { MqttJob, PutJob } from "./job.ts";
import { publish, TYPE } from "./packets.ts";
import type { Meter } from "./worker.ts";

const TOPICS = "$SCW/twins/me/";

/** Devices that put, read the answer and put again. Resolves with how to stop them. */
export async function openPutters(job: PutJob & MqttJob, meter: Meter): Promise<() => void> {
  const clients: Client[] = [];
  for (const device of job.devices) {
    const client = await openClient(job.target, device, meter.fail);
    await client.subscribe(`${TOPICS}#`, 0);
    clients.push(client);
  }
  const topic = `${TOPICS}${job.documentName}/put`;
  const SUCCESS = Buffer.from(`${topic}/response/success`);
  for (const client of clients) {
    const put = client.wrap(publish(topic, Buffer.from(job.body), 0));
    let since = performance.now();
    client.onPacket = ({ bytes, type, body }) => {
      if (type !== TYPE.publish) return;
      const now = performance.now();
      // The last letter of the topic is enough to tell success from error.
      if (bytes[body + 1 + SUCCESS.length] !== SUCCESS.at(-1)) meter.fail("a put was answered with an error");
      meter.samples.add(now - since);
      meter.count += 1;
      since = now;
      client.write(put);
    };
    client.write(put);
  }
  return () => {
    for (const client of clients) {
      client.onPacket = () => {};
      client.close();
    }
  };
}
