import { sleep, systemClock } from "../kernel/clock.ts";

/** So long a server that stops goes on as before, but each answer says that it is its connection's last: whoever uses one hears of it. */
const GOODBYE_MS = 500;
/** Nobody has asked anything for so many looks in a row, this far apart: what was on its way to us has arrived. */
const QUIET_LOOKS = 5;
const LOOK_MS = 10;
/** For endless newcomers nobody is made to wait longer. */
const HOLD_MS_MAX = 250;

/** How a server ends. */
type Ends = {
  /** Accepts nothing new and closes idle connections; resolves when those in use have had their answers. */
  close(): Promise<unknown>;
  /** Closes what is left. */
  cut(): unknown;
};

/**
 * Stops an HTTP server so that no request is left without an answer. A runtime that is told to stop closes at once every connection
 * of which it has read nothing, whether or not a request lies there already, and those that wait to be accepted. So connections are first told to
 * end, by `Connection: close`. Then all answers are held back: a client that waits for one sends nothing, and opens no
 * connection. Once nothing arrives any more the server is closed, and the answers go out.
 *
 * What is left is HTTP/1.1's own: a request that is sent on an unused connection in the moment in which we close it.
 */
export class Drain {
  #isStopping = false;
  #arrived = 0;
  #release: Promise<void> | undefined;

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** A request has arrived. */
  arrived(): void {
    this.#arrived++;
  }

  /** The answer to a request that is answered while we stop. */
  async last(response: Response): Promise<Response> {
    response.headers.set("connection", "close");
    await this.#release;
    return response;
  }

  /** Resolves when the requests in work have been answered, or `drainMs` is over. */
  async stop({ close, cut }: Ends, drainMs: number): Promise<void> {
    this.#isStopping = true;
    const late = sleep(systemClock, drainMs).then(() => "late");
    await Promise.race([sleep(systemClock, GOODBYE_MS), late]);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    this.#release = promise;
    await Promise.race([this.#quiet(), late]);
    const closed = close();
    release();
    if ((await Promise.race([closed, late])) === "late") await cut();
  }

  /** Each look comes after the runtime has read what there was, however long it took to get there. */
  async #quiet(): Promise<void> {
    for (let [looks, quiet] = [0, 0]; quiet < QUIET_LOOKS && looks < HOLD_MS_MAX / LOOK_MS; looks++) {
      const before = this.#arrived;
      await sleep(systemClock, LOOK_MS);
      quiet = this.#arrived === before ? quiet + 1 : 0;
    }
  }
}
