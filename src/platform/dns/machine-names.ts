import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

/** The files that configure name resolution on this machine. */
export type NameFiles = { readonly hosts: string; readonly resolver: string };

const WINDOWS = process.platform === "win32";

export const SYSTEM_NAME_FILES: NameFiles = {
  hosts: WINDOWS ? String.raw`C:\Windows\System32\drivers\etc\hosts` : "/etc/hosts",
  resolver: "/etc/resolv.conf",
};

/**
 * This machine's configuration of host names, with the rules of the system's own lookup: names in the hosts file are
 * not looked up, and short names are tried within the search domains. Files are read again when they change.
 */
export class MachineNames {
  readonly #hosts: ParsedFile<ReadonlyMap<string, readonly string[]>>;
  readonly #search: ParsedFile<Search>;

  constructor({ hosts, resolver }: NameFiles) {
    this.#hosts = new ParsedFile(hosts, parseHosts);
    this.#search = new ParsedFile(resolver, parseSearch);
  }

  /**
   * Returns the addresses that a name has on this machine, regardless of DNS. `localhost` is always this machine, even
   * without a hosts entry [RFC 6761, 6.3].
   */
  addressesOf(hostName: string): readonly string[] | undefined {
    const name = withoutDot(hostName);
    if (/^(.+\.)?localhost$/.test(name)) return ["127.0.0.1", "::1"];
    return this.#hosts.read().get(name);
  }

  /** The names to look up, in order, until one has addresses. */
  candidatesOf(hostName: string): string[] {
    if (hostName.endsWith(".")) return [withoutDot(hostName)];
    const { domains, dots } = this.#search.read();
    const within = domains.map((domain) => `${hostName}.${domain}`);
    return hostName.split(".").length > dots ? [hostName, ...within] : [...within, hostName];
  }
}

const withoutDot = (name: string) => name.replace(/\.$/, "");

type Search = { readonly domains: readonly string[]; readonly dots: number };

function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [address = "", ...names] of wordsOf(text)) {
    if (!isIP(address)) continue;
    for (const name of names.map((one) => one.toLowerCase())) {
      const addresses = found.get(name);
      if (addresses) addresses.push(address);
      else found.set(name, [address]);
    }
  }
  return found;
}

/** The last `search` or `domain` line counts [resolv.conf(5)]. */
function parseSearch(text: string): Search {
  let domains: string[] = [];
  let dots = 1;
  for (const [word, ...rest] of wordsOf(text)) {
    if (word === "search") domains = rest;
    else if (word === "domain") domains = rest.slice(0, 1);
    else if (word === "options") dots = Number(rest.join(" ").match(/\bndots:(\d{1,2})\b/)?.[1] ?? dots);
  }
  return { domains: domains.map(withoutDot).filter((domain) => domain !== ""), dots };
}

const wordsOf = (text: string) =>
  text.split("\n").map((line) =>
    line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/),
  );

/** A parsed file, parsed again when it has changed. An unreadable file counts as empty. */
class ParsedFile<Content> {
  readonly #path: string;
  readonly #parse: (text: string) => Content;
  #version: string | undefined;
  #content: Content;

  constructor(path: string, parse: (text: string) => Content) {
    this.#path = path;
    this.#parse = parse;
    this.#content = parse("");
  }

  read(): Content {
    const stat = statSync(this.#path, { throwIfNoEntry: false, bigint: true });
    const version = stat && `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    if (version === this.#version) return this.#content;
    this.#version = version;
    this.#content = this.#parse(version === undefined ? "" : readIfPossible(this.#path));
    return this.#content;
  }
}

function readIfPossible(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
