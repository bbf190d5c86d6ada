import type { Socket } from "bun";

/** One keep-alive connection with at most one request in flight. */
export type Connection = {
  send(request: Uint8Array): void;
  close(): void;
};

type OnAnswer = (status: number, head: Buffer) => void;

/**
 * Opens a connection with an HTTP parser that reads only the status and `content-length`, enough to count responses.
 * `onClose` is called when the server closes it.
 */
export async function openConnection(
  { hostname, port }: { hostname: string; port: number },
  onAnswer: OnAnswer,
  onClose: (why: string) => void,
): Promise<Connection> {
  const reader = answerReader(onAnswer);
  let open = true;
  const lost = (why: string) => {
    if (open) onClose(why);
    open = false;
  };
  const socket: Socket = await Bun.connect({
    hostname,
    port,
    socket: {
      data: (_socket, chunk) => reader(chunk),
      close: () => lost("the server closed a connection"),
      error: (_socket, error) => lost(error.message),
    },
  });
  socket.setNoDelay(true);
  return {
    send(request) {
      if (socket.write(request) !== request.length) lost("a request did not fit into the socket's buffer");
    },
    close() {
      open = false;
      socket.end();
    },
  };
}

/** Calls back once per complete response, in whatever pieces it arrives. */
function answerReader(onAnswer: OnAnswer): (chunk: Buffer) => void {
  let head: Buffer | undefined;
  let missing = 0;
  let status = 0;
  return (chunk) => {
    if (missing > 0) missing -= chunk.length;
    else {
      head = head ? Buffer.concat([head, chunk]) : chunk;
      const headEnd = head.indexOf("\r\n\r\n");
      if (headEnd < 0) {
        // The chunk's memory belongs to the socket, which reuses it.
        head = Buffer.from(head);
        return;
      }
      status = digitsAt(head, "HTTP/1.1 ".length);
      missing = headEnd + 4 + contentLength(head, headEnd) - head.length;
    }
    if (missing > 0) return;
    if (missing < 0) throw new Error("the server sent more than one answer");
    const whole = head as Buffer;
    head = undefined;
    onAnswer(status, whole);
  };
}

const NAME = Buffer.from("\r\ncontent-length: ");

/** Case-insensitive, byte by byte: servers spell the header differently. */
function contentLength(head: Buffer, headEnd: number): number {
  for (let at = 0; at < headEnd; at++) {
    // Most other headers have no colon after this many bytes, so the cheap check comes first.
    if (head[at] !== 0x0d || head[at + NAME.length - 2] !== 0x3a) continue;
    let i = 2;
    while (i < NAME.length && ((head[at + i] as number) | 0x20) === NAME[i]) i++;
    if (i === NAME.length) return digitsAt(head, at + i);
  }
  throw new Error("the answer has no content-length");
}

function digitsAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at; ; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return value;
    value = value * 10 + digit;
  }
}
