import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addressesOf, createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import { type Fields, type Level, MqttWire, type WireAddress } from "../../support/mqtt/mqtt-wire.ts";
import { createAccount, SOURCE, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { memoryOf, say } from "../server/attacked-server.ts";
import { type Report, startMqttBystander } from "./mqtt-bystander.ts";

/**
 * A server to attack, with a pair of devices beside it that must not notice: of the besieged hub, or, `apart`, of
 * another account.
 */
export async function openMqttSiege(env: Record<string, string> = {}, { apart = false } = {}) {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  const logFile = join(dataDir, "log");
  const program = ["/bin/sh", "-c", `exec "$0" "$@" 2>${logFile}`, ...SOURCE];
  const { token } = await createAccount({ dataDir });
  const { token: other } = apart ? await createAccount({ dataDir }) : { token };
  const server = await startServer({ dataDir, program, env: { TWINPOST_LOG: "error", ...env } });
  const addresses = addressesOf(server);
  const hub = await createHub(server.url, token, "besieged");
  const bystanderHub = apart ? await createHub(server.url, other, "bystanders") : hub;
  const bystanderDevice = await createDevice(server.url, other, bystanderHub, "bystander");
  const bystander = await startMqttBystander({ address: addresses.tcp, device: bystanderDevice, topic: "bystander" });
  const wires: MqttWire[] = [];
  const began = memoryOf(server.pid);

  return {
    server,
    token,
    hub,
    addresses,
    dataDir,
    began,
    device: (name: string, rest: object = {}) => createDevice(server.url, token, hub, name, rest),
    memory: () => memoryOf(server.pid),
    report: () => bystander.report(),

    async open(address: WireAddress = addresses.tcp, level: Level = 4): Promise<MqttWire> {
      const wire = await MqttWire.open(address, level);
      wires.push(wire);
      return wire;
    },

    async client(device: string, clientId: string, fields: Fields = {}, level: Level = 4): Promise<MqttWire> {
      const wire = await this.open(addresses.tcp, level);
      const connack = await wire.connect({ clientId, username: device, ...fields });
      expect(connack["returnCode"] ?? connack["reasonCode"]).toBe(0);
      return wire;
    },

    /** No other client lost a message, memory grew by no more than this, and no internal error was logged. */
    async expectUnharmed({ growthMb }: { growthMb: number }): Promise<Report> {
      const report = await bystander.report();
      const { peakMb, nowMb } = memoryOf(server.pid);
      say(`others: ${report.messages} messages, p99 ${report.p99Ms} ms, ${report.worstMs} ms at most`);
      say(`memory: ${began.nowMb} MB before, ${peakMb} MB at most, ${nowMb} MB now`);
      expect(report.trouble).toEqual([]);
      expect(report.messages).toBeGreaterThan(0);
      expect(peakMb - began.nowMb).toBeLessThan(growthMb);
      const logged = readFileSync(logFile, "utf8").split("\n").filter(Boolean);
      expect(logged.slice(0, 3)).toEqual([]);
      return report;
    },

    async [Symbol.asyncDispose]() {
      for (const wire of wires) if (wire.isOpen) wire.abort();
      await bystander[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
