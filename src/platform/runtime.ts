/** A connection's remote address. */
export type DenoAddress = { hostname: string; port: number };

export type DenoConnection = {
  readonly remoteAddr: DenoAddress;
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean): void;
};

/** The parts of Deno used here, which Bun's types lack. */
export type DenoRuntime = {
  version: { deno: string };
  serve(
    options: {
      hostname: string;
      port: number;
      cert?: string;
      key?: string;
      signal: AbortSignal;
      automaticCompression: false;
      onListen: () => void;
    },
    handler: (request: Request, info: { remoteAddr: DenoAddress }) => Response | Promise<Response>,
  ): { addr: { port: number }; shutdown(): Promise<void> };
  upgradeWebSocket(
    request: Request,
    options: { protocol: string; idleTimeout: number },
  ): { socket: WebSocket; response: Response };
  listen(options: { hostname: string; port: number }): AsyncIterable<DenoConnection> & {
    addr: { port: number };
    close(): void;
  };
};

/** Deno, if it runs this program; otherwise Bun does. */
export const deno = (globalThis as { Deno?: DenoRuntime }).Deno;
