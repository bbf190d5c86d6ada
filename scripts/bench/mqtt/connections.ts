import { type Client, openClient } from "./client.ts";
import type { ConnectJob, IdleJob, MqttJob } from "./job.ts";
import { DISCONNECT } from "./packets.ts";
import type { Meter } from "./worker.ts";

/** Devices that connect, are accepted and disconnect, a given number at a time. */
export async function runConnects(job: ConnectJob & MqttJob, meter: Meter): Promise<() => void> {
  let running = true;
  let next = 0;
  const visit = async () => {
    while (running) {
      const device = job.devices[next++ % job.devices.length];
      if (!device) return;
      const since = performance.now();
      const client = await openClient(job.target, device, () => {});
      meter.samples.add(performance.now() - since);
      meter.count += 1;
      client.write(client.wrap(DISCONNECT));
      client.close();
    }
  };
  for (let visitor = 0; visitor < job.atATime; visitor += 1) visit().catch((error) => meter.fail(String(error)));
  return () => {
    running = false;
  };
}

/** Devices that connect and stay. */
export async function openIdle(job: IdleJob & MqttJob, meter: Meter): Promise<Client[]> {
  const clients: Client[] = [];
  let next = 0;
  const opener = async () => {
    for (let index = next++; index < job.devices.length; index = next++) {
      const device = job.devices[index];
      if (device) clients.push(await openClient(job.target, device, meter.fail));
    }
  };
  await Promise.all(Array.from({ length: job.atATime }, opener));
  meter.count = clients.length;
  return clients;
}
