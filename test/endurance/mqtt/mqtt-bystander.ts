import { MqttWire, type WireAddress } from "../../support/mqtt/mqtt-wire.ts";

/** What an uninvolved pair of devices measured since the last report: messages delivered, errors, and latencies. */
export type Report = { messages: number; trouble: string[]; p50Ms: number; p99Ms: number; worstMs: number };

/** Interval between messages. */
const PAUSE_MS = 2;

type Options = { address: WireAddress; device: string; topic: string };

/**
 * An uninvolved pair on the hub: publishes at QoS 1 on one connection what another one receives, and waits for the
 * acknowledgement and the message before the next. In a process of its own, so that it measures the server and not this
 * test. Resolves after the first message.
 */
export async function startMqttBystander(options: Options) {
  const waiting: PromiseWithResolvers<Report>[] = [];
  const next = () => {
    const report = Promise.withResolvers<Report>();
    waiting.push(report);
    return report.promise;
  };
  const child = Bun.spawn([process.execPath, import.meta.path, JSON.stringify(options)], {
    stdout: "inherit",
    stderr: "inherit",
    ipc: (report: Report) => waiting.shift()?.resolve(report),
    onExit: () => {
      for (const { reject } of waiting.splice(0)) reject(new Error("the bystander has ended"));
    },
  });
  await next();
  return {
    report() {
      child.send("report");
      return next();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

if (import.meta.main) {
  const { address, device, topic }: Options = JSON.parse(process.argv[2] as string);
  const open = async (clientId: string) => {
    const wire = await MqttWire.open(address, 4);
    const { returnCode } = await wire.connect({ clientId, username: device, keepalive: 60 });
    if (returnCode !== 0) throw new Error(`CONNACK ${returnCode}`);
    return wire;
  };
  const hears = await open("bystander, hearing");
  await hears.subscribe(topic, 1);
  const says = await open("bystander, saying");
  let waits: number[] = [];
  let trouble: string[] = [];
  let count = 0;

  const goRound = async () => {
    const began = performance.now();
    try {
      const payload = `${++count}`;
      await Promise.all([says.publish(topic, payload, { qos: 1 }), hears.receive(topic, payload, { qos: 1 })]);
    } catch (error) {
      if (trouble.length < 10) trouble.push(error instanceof Error ? error.message : String(error));
      await Bun.sleep(100);
    }
    waits.push(performance.now() - began);
  };
  const report = () => {
    const sorted = waits.toSorted((a, b) => a - b);
    const at = (share: number) => Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
    process.send?.({ messages: waits.length, trouble, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) });
    waits = [];
    trouble = [];
  };
  // The message in flight counts too: a server that never delivers again must not look fast.
  let onItsWay: Promise<void>;
  process.on("message", () => void onItsWay.then(report));
  process.on("disconnect", () => process.exit(0));
  onItsWay = goRound();
  await onItsWay;
  report();
  for (;;) {
    onItsWay = goRound();
    await onItsWay;
    await Bun.sleep(PAUSE_MS);
  }
}
