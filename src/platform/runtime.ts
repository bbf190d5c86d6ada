/** What of Deno is used here, which the types of Bun do not know. */
export type DenoRuntime = {
  version: { deno: string };
  serve(
    options: {
      hostname: string;
      port: number;
      signal: AbortSignal;
      automaticCompression: false;
      onListen: () => void;
    },
    handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Response | Promise<Response>,
  ): { addr: { port: number }; shutdown(): Promise<void> };
};

/** Deno, if it is what runs this program; otherwise Bun does. */
export const deno = (globalThis as { Deno?: DenoRuntime }).Deno;
