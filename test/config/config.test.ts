import { expect, test } from "bun:test";
import { describeSettings, loadConfig } from "../../src/config.ts";

test("without any setting, the defaults are those of the documentation", () => {
  expect(loadConfig({}, {})).toEqual({
    dataDir: "./twinpost-data",
    http: { host: "127.0.0.1", port: 8080 },
    https: null,
    admin: null,
    mqtt: { host: "127.0.0.1", port: 1883 },
    mqtts: null,
    tls: null,
    mqttPacketBytesMax: 4_259_840,
    mqttConnectionsMax: 20_000,
    mqttMemoryBytes: expect.any(Number),
    mqttMessagesPerSecondMax: null,
    mqttKeepAliveMaxS: 3600,
    mqttPlanLimits: false,
    mqttLevels: [3, 4, 5],
    publicUrl: "http://127.0.0.1:8080",
    corsOrigins: [],
    trustedProxies: [],
    clientAddressHeader: null,
    webhookAllow: [],
    dnsServers: [],
    journalKeepMs: 90 * 86_400_000,
    region: "fr-par",
    documentBytesMax: 1_048_576,
    documentDepthMax: 64,
    documentsPerTwinMax: 100,
    deliveriesKeepMs: 30 * 86_400_000,
    backups: null,
    logLevel: "info",
  });
});

test("a flag wins over a variable, and an empty value counts as none", () => {
  const env = { TWINPOST_HTTP: "[::1]:9000", TWINPOST_DATA_DIR: "/data", TWINPOST_LOG: "" };
  const config = loadConfig({ "data-dir": "/other" }, env);
  expect(config).toMatchObject({ dataDir: "/other", http: { host: "::1", port: 9000 }, logLevel: "info" });
  expect(config.publicUrl).toBe("http://[::1]:9000");
});

test("a wrong value stops the start and names the variable", () => {
  for (const [variable, values] of [
    ["TWINPOST_HTTP", ["8080", "localhost", ":8080", "127.0.0.1:65536", "::1:80:x", "1:2:3:80"]],
    ["TWINPOST_ADMIN", ["9091", "off", ":9091"]],
    ["TWINPOST_MQTT", ["1883", "on", "OFF", ":1883"]],
    ["TWINPOST_MQTTS", ["8883", "127.0.0.1:8883"]],
    ["TWINPOST_MQTT_PACKET_BYTES", ["0", "1023", "268435456", "4 MiB"]],
    ["TWINPOST_MQTT_MEMORY", ["7", "1000001", "much"]],
    ["TWINPOST_MQTT_CONNECTIONS", ["0", "1000001", "many"]],
    ["TWINPOST_MQTT_MESSAGES_PER_SECOND", ["-1", "1.5", "off"]],
    ["TWINPOST_MQTT_KEEP_ALIVE", ["0", "65536", "1m"]],
    ["TWINPOST_MQTT_PLAN_LIMITS", ["yes", "true"]],
    ["TWINPOST_MQTT_VERSIONS", ["2", "3.1.1", "4,", "6", "4, 5"]],
    ["TWINPOST_PUBLIC_URL", ["twins.example", "ftp://twins.example"]],
    ["TWINPOST_CORS", ["app.example", "https://app.example/path"]],
    ["TWINPOST_TRUSTED_PROXIES", ["10.0.0.0", "10.0.0.0/33", "here"]],
    ["TWINPOST_CLIENT_ADDRESS_HEADER", ["Fly Client IP", "X-Real-IP:", "X-Forwarded-For", "Fly-Client-IP"]],
    ["TWINPOST_WEBHOOK_ALLOW", ["10.0.0.0", "localhost/8"]],
    ["TWINPOST_DNS", ["dns.example", "9.9.9.9:0", "9.9.9.9:70000", "[::1", "[9.9.9.9:53", "9.9.9.9,x", "1.2.3"]],
    ["TWINPOST_DELIVERIES_KEEP", ["90", "1d"]],
    ["TWINPOST_JOURNAL_KEEP", ["90", "0D", "1000D", "90d", "-1D", "INFINITE"]],
    ["TWINPOST_REGION", ["local", "FR-PAR", "fr-par-1"]],
    ["TWINPOST_DOCUMENT_BYTES", ["0", "1 MiB", "4194305"]],
    ["TWINPOST_DOCUMENT_DEPTH", ["0", "501", "-1"]],
    ["TWINPOST_DOCUMENTS_PER_TWIN", ["0", "10001", "ten"]],
    ["TWINPOST_BACKUP_CRON", ["daily", "61 * * * *", "0 3 * * *"]],
    ["TWINPOST_BACKUP_KEEP", ["0", "all"]],
    ["TWINPOST_LOG", ["loud"]],
  ] as const) {
    for (const value of values) {
      expect(() => loadConfig({}, { [variable]: value })).toThrow(variable);
    }
  }
  expect(() => loadConfig({ http: "x", log: "y" }, {})).toThrow(/TWINPOST_HTTP: .*\nTWINPOST_LOG: /);
});

test("the client address header requires trusted proxies", () => {
  const settings = { "trusted-proxies": "10.0.0.0/8", "client-address-header": "Fly-Client-IP" };
  expect(loadConfig(settings, {}).clientAddressHeader).toBe("fly-client-ip");
  expect(() => loadConfig({ "client-address-header": "Fly-Client-IP" }, {})).toThrow("TWINPOST_TRUSTED_PROXIES");
});

test("devices connect where the settings say, and over TLS only with a certificate and its key", () => {
  expect(loadConfig({ mqtt: "off", "mqtt-versions": "5,4" }, {})).toMatchObject({ mqtt: null, mqttLevels: [4, 5] });
  const files = { "tls-cert": "/tls/cert.pem", "tls-key": "/tls/key.pem" };
  const address = { host: "::", port: 8883 };
  const tls = { certPath: "/tls/cert.pem", keyPath: "/tls/key.pem" };
  expect(loadConfig({ mqtts: "[::]:8883", ...files }, {})).toMatchObject({ mqtts: address, tls });
  expect(loadConfig(files, {}).tls).toBeNull();
  expect(() => loadConfig({ mqtts: "[::]:8883", "tls-cert": "/tls/cert.pem" }, {})).toThrow(
    /^TWINPOST_MQTTS: .*TWINPOST_TLS_KEY/,
  );
});

test("HTTPS can be served in addition to HTTP or without it, requires a certificate, and is used in links", () => {
  const files = { "tls-cert": "/tls/cert.pem", "tls-key": "/tls/key.pem" };
  const https = "127.0.0.1:8443";
  const publicUrl = "https://127.0.0.1:8443";
  expect(loadConfig({ https, ...files }, {})).toMatchObject({
    http: { host: "127.0.0.1", port: 8080 },
    https: { host: "127.0.0.1", port: 8443 },
    tls: { certPath: "/tls/cert.pem", keyPath: "/tls/key.pem" },
    publicUrl,
  });
  expect(loadConfig({ http: "off", https, ...files }, {})).toMatchObject({ http: null, publicUrl });
  expect(() => loadConfig({ https }, {})).toThrow(/^TWINPOST_HTTPS: .*TWINPOST_TLS_CERT/);
  expect(() => loadConfig({ https, "tls-cert": "/tls/cert.pem" }, {})).toThrow(/^TWINPOST_HTTPS: .*TWINPOST_TLS_KEY/);
  expect(() => loadConfig({ http: "off" }, {})).toThrow(/^TWINPOST_HTTP: is off, and so is TWINPOST_HTTPS/);
});

test("the journal is kept at least as long as the deliveries that refer to it", () => {
  const { journalKeepMs, deliveriesKeepMs } = loadConfig({ "journal-keep": "1D", "deliveries-keep": "3D" }, {});
  expect([journalKeepMs, deliveriesKeepMs]).toEqual([3 * 86_400_000, 3 * 86_400_000]);
});

test("durations are days, weeks, months, years or for ever", () => {
  const keep = (text: string) =>
    loadConfig({ "journal-keep": text, "deliveries-keep": "1D" }, {}).journalKeepMs / 86_400_000;
  expect(["1D", "2W", "3M", "1Y", "INF"].map(keep)).toEqual([1, 14, 90, 365, Number.POSITIVE_INFINITY]);
});

test("backups are scheduled only if both a schedule and a folder are set", () => {
  const settings = { "backup-cron": "30 3 * * *", "backup-dir": "/backups" };
  expect(loadConfig(settings, {}).backups).toEqual({ schedule: "30 3 * * *", dir: "/backups", keep: 7 });
  expect(loadConfig({ ...settings, "backup-keep": "30" }, {}).backups).toMatchObject({ keep: 30 });
  expect(() => loadConfig({ "backup-dir": "/backups" }, {})).toThrow("TWINPOST_BACKUP_DIR; set both or neither");
});

test("every setting has a sentence, and what holds without it", () => {
  for (const { variable, fallback, description } of describeSettings()) {
    expect([variable, fallback, description]).toEqual([
      variable,
      expect.stringMatching(/^(?!undefined)./),
      expect.stringMatching(/^(?!undefined)./),
    ]);
  }
});
