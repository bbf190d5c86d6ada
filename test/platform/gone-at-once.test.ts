import { expect, test } from "bun:test";
import { listenTcp } from "../../src/platform/tcp.ts";
import { openEchoDoor } from "../support/http/echo-door.ts";
import { dialTcp } from "../support/http/raw-wires.ts";

const COUNT = 50;
const CONNECT_AND_RESET = `
  const { connect } = require("node:net");
  let left = ${COUNT};
  for (let i = 0; i < ${COUNT}; i++) {
    const socket = connect(Number(process.argv.at(-1)), "127.0.0.1", () => {
      socket.resetAndDestroy();
      if (--left === 0) process.exit(0);
    });
  }`;

test("clients that disconnect before they are accepted leave no place taken", async () => {
  const echo = openEchoDoor({ connectionsMax: 2 });
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, echo.door);
  // While the test waits for this process, the server accepts no connections: all clients have gone by then.
  const command = [process.execPath, "-e", CONNECT_AND_RESET, `${listener.port}`];
  expect(Bun.spawnSync(command).exitCode).toBe(0);
  const wires = [];
  for (let i = 0; i < 2; i++) {
    const wire = await dialTcp(listener.port);
    wire.send(Buffer.from("here"));
    expect((await wire.until(4)).toString()).toBe("here");
    wires.push(wire);
  }
  expect(echo.faults).toEqual([]);
  for (const wire of wires) wire.socket.destroy();
  listener.stop();
  await echo.door.close(0);
});
