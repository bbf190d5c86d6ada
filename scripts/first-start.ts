import { rmSync } from "node:fs";
import { createAccount, readAddresses, temporaryFolder } from "../test/support/process/server-process.ts";

// Plays the first minutes after cloning the project: `run start`, creating an account meanwhile, a call; then a second
// start on the same data. Needs nothing installed: `start` installs what it needs.

using folder = temporaryFolder();
const settings = {
  TWINPOST_DATA_DIR: folder.path,
  TWINPOST_HTTP: "127.0.0.1:0",
  TWINPOST_MQTT: "off",
  TWINPOST_LOG: "warn",
};

async function start() {
  const child = Bun.spawn(["npx", "-y", "bun@1.4.5", "run", "start"], {
    env: { ...process.env, ...settings },
    stdout: "pipe",
    stderr: "inherit",
    detached: true,
  });
  const { url } = await readAddresses(child.stdout);
  /** Like Ctrl-C in a terminal: the signal goes to the whole process group, npx and its children. */
  const stop = async () => {
    process.kill(-child.pid, "SIGINT");
    await child.exited;
  };
  return { url, stop };
}

rmSync("node_modules", { recursive: true, force: true });
const first = await start();
const { secret, ...account } = await createAccount({ dataDir: folder.path });
const whoAmI = async (url: string) => {
  const answer = await fetch(`${url}/whoami`, { headers: { authorization: secret } });
  return ((await answer.json()) as { user: string }).user;
};
const before = await whoAmI(first.url);
await first.stop();

const second = await start();
const after = await whoAmI(second.url);
await second.stop();

const fine = before === account.user && after === account.user;
process.stdout.write(fine ? "1 passed, 0 failed\n" : "0 passed, 1 failed\n");
process.exit(fine ? 0 : 1);
