import { sleep, systemClock } from "../kernel/clock.ts";

/** During this grace period every response carries `Connection: close`. */
const GOODBYE_MS = 500;
/** Number of checks without a new request, LOOK_MS apart, after which every request in flight has arrived. */
const QUIET_LOOKS = 5;
const LOOK_MS = 10;
/** The longest that responses are held back if new requests keep arriving. */
const HOLD_MS_MAX = 250;

/** The two ways in which a server ends. */
type Ends = {
  /** Stops accepting and closes idle connections; resolves when those in use have their responses. */
  close(): Promise<unknown>;
  /** Closes the remaining connections. */
  cut(): unknown;
};

/**
 * Stops an HTTP server without leaving a request unanswered. A runtime that is asked to stop closes at once every
 * connection of which it has read nothing, even if a request is already waiting there, and every connection that it has
 * not accepted yet. So connections are first asked to end, by `Connection: close`. Then all responses are held back: a
 * client that waits for one sends nothing and opens no connection. Once no more requests arrive, the server is closed
 * and the responses are sent.
 *
 * One race remains, which HTTP/1.1 cannot avoid: a request sent on an idle connection just as the server closes it.
 */
export class Drain {
  #isStopping = false;
  #arrived = 0;
  #release: Promise<void> | undefined;

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Called for each request. */
  arrived(): void {
    this.#arrived++;
  }

  /** Prepares a response that is sent during shutdown. */
  async last(response: Response): Promise<Response> {
    response.headers.set("connection", "close");
    await this.#release;
    return response;
  }

  /** Resolves when the requests in progress are answered, or after `drainMs`. */
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

  /** Each check runs after the runtime has read everything that had arrived, however late the timer is. */
  async #quiet(): Promise<void> {
    for (let [looks, quiet] = [0, 0]; quiet < QUIET_LOOKS && looks < HOLD_MS_MAX / LOOK_MS; looks++) {
      const before = this.#arrived;
      await sleep(systemClock, LOOK_MS);
      quiet = this.#arrived === before ? quiet + 1 : 0;
    }
  }
}
