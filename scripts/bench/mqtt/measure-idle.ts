import type { Figure } from "../measures/figure.ts";
import { residentKb } from "../measures/resident.ts";
import type { Broker, BrokerName } from "./broker.ts";
import type { MqttLoad } from "./load.ts";

/** The brokers measured for comparison. */
export const IDLE_BESIDE: readonly BrokerName[] = ["mosquitto", "aedes"];

const SESSIONS = 10_000;
const SESSION_KB_MAX = 30;
/** Connections made and closed first, so that one-time costs of the server are not counted. */
const WARM_UP_SESSIONS = 200;
const SETTLE_MS = 3_000;

/** The memory of an idle session in the server's process, over WebSocket. */
export async function measureIdle(brokers: Broker[], load: MqttLoad): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, pids, urls, login } of brokers) {
    const [pid = 0] = pids;
    const open = (count: number) =>
      load.run({
        kind: "idle",
        target: { url: urls.websocket ?? "", pids },
        devices: Array.from({ length: count }, (_, n) => login(n)),
        atATime: 32,
        warmUpMs: SETTLE_MS,
        measureMs: 100,
      });
    await open(WARM_UP_SESSIONS);
    await open(1);
    const before = residentKb(pid);
    const began = performance.now();
    await open(SESSIONS);
    const seconds = (performance.now() - began - SETTLE_MS) / 1000;
    const kb = (residentKb(pid) - before) / SESSIONS;
    // These close before the next broker's connections open.
    await open(1);
    const note = `${kb.toFixed(1)} kB a session, ${Math.round(before / 1024)} MB before; opened in ${seconds.toFixed(1)} s`;
    const ours = name === "twinpost";
    const row = `mqtt_idle websocket${ours ? "" : `: ${name}`}`;
    process.stderr.write(`${row}: ${note}\n`);
    figures.push({
      row,
      answers: SESSIONS,
      ...(ours && { sessionKb: kb, required: { of: "sessionKb", below: SESSION_KB_MAX } as const }),
      note,
    });
  }
  return figures;
}
