import { type Answer, ConnectionEnded } from "../../support/http/http-connection.ts";

// Shared by the suites to describe the outcomes of their requests.

export const KB = 1024;
export const MB = 1024 * KB;

/** Status and subcode, the parts of a response to look at first. */
export const verdict = ({ status, text }: Answer) =>
  [status, text === "" ? "" : (JSON.parse(text).subcode ?? "")].join(" ");

export const tally = (verdicts: string[]) => {
  const counts: Record<string, number> = {};
  for (const one of verdicts) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};

/** The outcome of a request: its response, or that there was none. */
export const outcome = (answer: Promise<Answer>) =>
  answer.then(verdict, (error) => {
    if (error instanceof ConnectionEnded) return "no answer";
    throw error;
  });

/** The head of a request, as sent. */
export const head = (line: string, headers: Record<string, string>) =>
  `${line} HTTP/1.1\r\nhost: twinpost.test\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`;
