import { ConfigError } from "../config.ts";
import type { Deps, Job } from "../deps.ts";
import { describeError } from "../kernel/failure.ts";
import type { TlsPair } from "../platform/tls.ts";
import { endOfCertificate, readTlsFiles, type TlsFiles } from "./tls-files.ts";

/** A server that presents the certificate. */
type Listener = { setCertificate(pair: TlsPair): void | Promise<void> };

const DAY_MS = 86_400_000;
/** Automatic renewal happens long before this. */
const EXPIRES_SOON_MS = 14 * DAY_MS;

/**
 * The certificate of all TLS listeners. Its files are polled rather than watched, because renewal tools replace them in
 * different ways: new links, a swapped folder, or in place. A new pair is used if it is complete and the key matches.
 * Anything else is logged once and the served pair stays: the files may be half written.
 */
export class ServerCertificate {
  readonly #deps: Pick<Deps, "clock" | "log">;
  readonly #files: TlsFiles;
  readonly #listeners: Listener[] = [];
  #pair: TlsPair;
  #expiresAt: number;
  /** The result of the last read: the pair, or why the files could not be read. */
  #found: string;
  #reloading: Promise<void> = Promise.resolve();

  /** Throws a `ConfigError` unless the certificate and key exist and match. */
  constructor(deps: Pick<Deps, "clock" | "log">, files: TlsFiles) {
    this.#deps = deps;
    this.#files = files;
    this.#pair = readTlsFiles(files);
    this.#expiresAt = endOfCertificate(files, this.#pair);
    this.#found = textOf(this.#pair);
    this.#warn();
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  /** Gives this listener every new certificate. */
  servedBy(listener: Listener): void {
    this.#listeners.push(listener);
  }

  jobs(): readonly Job[] {
    const job = (name: string, schedule: string, work: () => void | Promise<void>): Job => ({
      name,
      schedule,
      run: async () => {
        await work();
        return { done: 0, more: false };
      },
    });
    return [
      job("reload_certificate", "*/10 * * * * *", () => this.reload()),
      job("warn_of_expiry", "43 5 * * *", () => this.#warn()),
    ];
  }

  /** Reads the files and serves the pair if it is new. With `asked`, an unchanged pair is logged too. */
  reload({ asked = false } = {}): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(asked));
    return this.#reloading;
  }

  async #reload(asked: boolean): Promise<void> {
    const { log } = this.#deps;
    try {
      const pair = this.#look(asked);
      if (!pair) return;
      if (textOf(pair) !== textOf(this.#pair)) await this.#serve(pair);
      else if (asked) log.info("tls.unchanged", this.#about());
    } catch (error) {
      if (error instanceof ConfigError) log.warn("tls.refused", { reason: error.message, stays: this.#about() });
      else {
        // Unlike a fault in a file, this error may be temporary, so the next poll tries again.
        this.#found = "";
        log.error("tls.failed", { error: describeError(error) });
      }
    }
  }

  /** Reads the files; returns undefined if they have not changed, unless `again`. */
  #look(again: boolean): TlsPair | undefined {
    let pair: TlsPair | undefined;
    let refusal: unknown;
    try {
      pair = readTlsFiles(this.#files);
    } catch (error) {
      refusal = error;
    }
    const found = pair ? textOf(pair) : String(refusal);
    if (found === this.#found && !again) return undefined;
    this.#found = found;
    if (!pair) throw refusal;
    return pair;
  }

  async #serve(pair: TlsPair): Promise<void> {
    const expiresAt = endOfCertificate(this.#files, pair);
    for (const listener of this.#listeners) await listener.setCertificate(pair);
    this.#pair = pair;
    this.#expiresAt = expiresAt;
    this.#deps.log.info("tls.reloaded", this.#about());
    this.#warn();
  }

  #warn(): void {
    const { clock, log } = this.#deps;
    const leftMs = this.#expiresAt - clock.now();
    if (leftMs <= 0) log.error("tls.expired", this.#about());
    else if (leftMs <= EXPIRES_SOON_MS) {
      log.warn("tls.expires_soon", { ...this.#about(), daysLeft: Math.floor(leftMs / DAY_MS) });
    }
  }

  #about = () => ({ certificate: this.#files.certPath, expiresAt: new Date(this.#expiresAt).toISOString() });
}

const textOf = ({ certPem, keyPem }: TlsPair) => JSON.stringify([certPem, keyPem]);
