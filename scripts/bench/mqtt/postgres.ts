import { chownSync, globSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../../test/support/process/server-process.ts";

/** Where Debian installs a version, the newest last; elsewhere it is on the path. */
const folders = globSync("/usr/lib/postgresql/*/bin").sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
const tool = (name: string) => Bun.which(name, { PATH: [...folders.toReversed(), process.env["PATH"]].join(":") });

/** The PostgreSQL server, if it is installed. */
export const POSTGRES = tool("postgres");

/** It refuses to run as root. */
const USER = "postgres";

/**
 * Memory settings as in any introduction. That a commit is on disk before it is acknowledged is PostgreSQL's default;
 * written down for the reader.
 */
const SETTINGS = {
  shared_buffers: "256MB",
  max_wal_size: "2GB",
  fsync: "on",
  synchronous_commit: "on",
  listen_addresses: "",
};

/**
 * A PostgreSQL in a temporary folder, on a socket there, which accepts every client that reaches it. Undefined if it is
 * not installed; it ends with `stack`.
 */
export async function startPostgres(stack: AsyncDisposableStack) {
  const initdb = tool("initdb");
  if (!POSTGRES || !initdb) return undefined;
  const folder = stack.use(temporaryFolder()).path;
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(folder, await idOf("-u"), await idOf("-g"));
  const prefix = asRoot ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"] : [];

  const dataDir = join(folder, "data");
  const cluster = ["-D", dataDir, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
  await run([...prefix, initdb, ...cluster], folder);

  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: folder });
  const flags = settings.flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = Bun.spawn([...prefix, POSTGRES, "-D", dataDir, ...flags], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  stack.defer(async () => {
    // Fast shutdown: does not wait for connected clients.
    child.kill("SIGINT");
    await child.exited;
  });
  await untilReady(child.stderr);
  return { pid: child.pid, socket: join(folder, ".s.PGSQL.5432"), user: USER };
}

const idOf = async (flag: string) => Number(await run(["id", flag, USER], "/"));

async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} fails: ${stderr}`);
  return stdout;
}

/** Keeps reading afterwards, so that the server never blocks on its log. */
async function untilReady(log: ReadableStream<Uint8Array>): Promise<void> {
  const reader = log.getReader();
  let said = "";
  while (!said.includes("ready to accept connections")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`PostgreSQL did not start: ${said}`);
    said += new TextDecoder().decode(value);
  }
  void (async () => {
    while (!(await reader.read()).done);
  })();
}
