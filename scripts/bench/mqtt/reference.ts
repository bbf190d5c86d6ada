import { MOSQUITTO, startMosquitto } from "../../../test/support/mqtt/mosquitto.ts";
import { anonymousLogin, type Broker, inband } from "./broker.ts";

/** Mosquitto with its defaults, except no delay of small packets and the given settings; it ends with `stack`. */
export async function startReference(
  stack: AsyncDisposableStack,
  settings: string[] = [],
): Promise<Broker | { missing: string }> {
  if (!MOSQUITTO) return { missing: "mosquitto is not installed here" };
  const { pid, tcp, websocket } = stack.use(await startMosquitto([...settings, "set_tcp_nodelay true"]));
  const urls = { tcp: `mqtt://127.0.0.1:${tcp}`, websocket: `ws://127.0.0.1:${websocket}` };
  return { name: "mosquitto", pids: [pid], urls, login: anonymousLogin, documentsOf: inband };
}
