// The receivers of a bench, in a process of their own: a given number of HTTP servers, which confirm what they are
// asked to confirm, respond at once, and report when each sticker's message arrived.

type ReceiverJob = { receivers: number; serverUrl: string };
export type ReceiverReport = { urls: string[] } | { n: number; atMs: number };

const send = (report: ReceiverReport) => process.send?.(report);

process.on("message", ({ receivers, serverUrl }: ReceiverJob) => {
  const answer = new Response(null, { status: 204 });
  const servers = Array.from({ length: receivers }, () =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const atMs = performance.timeOrigin + performance.now();
        const body = (await request.json()) as { event?: { color: string }; confirmation_url?: string };
        if (body.event) send({ n: Number(body.event.color.slice(2)), atMs });
        else if (body.confirmation_url) {
          const { pathname, search } = new URL(body.confirmation_url);
          await (await fetch(`${serverUrl}${pathname}${search}`)).text();
          send({ n: -1, atMs: 0 });
        }
        return answer.clone();
      },
    }),
  );
  send({ urls: servers.map(({ port }) => `http://127.0.0.1:${port}/`) });
});
