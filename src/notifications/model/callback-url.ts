import { isIP } from "node:net";
import type { Cidr } from "../../kernel/address.ts";
import { invalid } from "../../kernel/failure.ts";
import { isReachable } from "./addresses.ts";

/**
 * Refuses a URL that webhooks cannot be sent to: a scheme other than http and https, credentials, or an address that is
 * not public. Host names are resolved and checked at each connection.
 */
export function assertCallable(callbackUrl: string, allowed: readonly Cidr[]): void {
  const url = URL.canParse(callbackUrl) ? new URL(callbackUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse("must be an http or https URL");
  if (url.username || url.password) throw refuse("must not carry credentials");
  const address = literalOf(url);
  if (address !== undefined && !isReachable(address, allowed)) throw refuse("must lead to a public address");
}

/**
 * Returns the address in a URL's host; undefined if the host is a name. The URL parser has already normalised decimal,
 * octal and hex forms.
 */
export function literalOf(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[(.+)\]$/, "$1");
  return isIP(host) ? host : undefined;
}

const refuse = (message: string) =>
  invalid("body", "Request body is not acceptable.", [{ path: "callback_url", message }]);
