import { type Client, openClient } from "./client.ts";
import type { MqttJob, PutJob, Putter } from "./job.ts";
import { publish, TYPE } from "./packets.ts";
import type { Meter } from "./worker.ts";

const IDENTIFIER_MAX = 65_535;

/** Devices that put, read the answer and put again. Resolves with a function that stops them. */
export async function openPutters(job: PutJob & MqttJob, meter: Meter): Promise<() => void> {
  const clients: Client[] = [];
  for (const { login, putTopic } of job.devices) {
    const client = await openClient(job.target, login, meter.fail);
    await client.subscribe(`${putTopic}/response/+`, 0);
    clients.push(client);
  }
  for (const [index, client] of clients.entries()) startPutting(client, job.devices[index] as Putter, job.body, meter);
  return () => {
    for (const client of clients) {
      client.onPacket = () => {};
      client.close();
    }
  };
}

function startPutting(client: Client, { putTopic }: Putter, body: string, meter: Meter): void {
  const put = client.wrap(publish(putTopic, Buffer.from(body), 1));
  const identifierAt = put.indexOf(putTopic) + putTopic.length;
  const success = Buffer.from(`${putTopic}/response/success`);
  let identifier = 0;
  let since = 0;
  const send = (now: number) => {
    since = now;
    identifier = (identifier % IDENTIFIER_MAX) + 1;
    put.writeUInt16BE(identifier, identifierAt);
    client.write(put);
  };
  client.onPacket = ({ bytes, type, body }) => {
    // The acknowledgement adds nothing to the answer.
    if (type !== TYPE.publish) return;
    const now = performance.now();
    // The topic's last letter distinguishes success from error.
    if (bytes[body + 1 + success.length] !== success.at(-1)) meter.fail("a put was answered with an error");
    meter.samples.add(now - since);
    meter.count += 1;
    send(now);
  };
  send(performance.now());
}
