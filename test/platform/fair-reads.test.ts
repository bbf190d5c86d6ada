import { expect, test } from "bun:test";
import { connect } from "node:net";
import { DeviceDoor } from "../../src/platform/device-door.ts";
import { listenTcp } from "../../src/platform/tcp.ts";

const SENT = 16 * 1024 * 1024;
/** The largest read of the runtime. */
const READ_BYTES_MAX = 512 * 1024;

test("a fast client is read once per turn of the event loop, however much it has sent", async () => {
  let turnBytes = 0;
  let most = 0;
  let total = 0;
  const whole = Promise.withResolvers<void>();
  const onBytes = (bytes: Uint8Array) => {
    if (turnBytes === 0) {
      setImmediate(() => {
        turnBytes = 0;
      });
    }
    turnBytes += bytes.length;
    total += bytes.length;
    most = Math.max(most, turnBytes);
    if (total === SENT) whole.resolve();
  };
  const door = new DeviceDoor(() => ({ onBytes, onDrain() {}, onClose() {} }), {
    connectionsMax: 1,
    onRefused() {},
    onFault: (error) => whole.reject(error),
  });
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, door);
  const client = connect(listener.port, "127.0.0.1");
  try {
    client.write(Buffer.alloc(SENT));
    await whole.promise;
    expect(most).toBeLessThanOrEqual(READ_BYTES_MAX);
  } finally {
    client.destroy();
    listener.stop();
    await door.close(0);
  }
});
