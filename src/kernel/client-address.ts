import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { Cidr } from "./address.ts";

/** Which proxies are trusted to report a client's address, and in which header. */
export type ProxyTrust = {
  /** Address ranges of the trusted proxies. */
  readonly trustedProxies: readonly Cidr[];
  /**
   * The header in which the proxies report the address, overwriting any that the client sent. Default:
   * `X-Forwarded-For`.
   */
  readonly clientAddressHeader?: string | null;
};

/** The client's address: the one that a trusted proxy names, else the peer's own. */
export function clientAddress(peer: string, headers: Headers, trust: ProxyTrust): string {
  const { trustedProxies, clientAddressHeader } = trust;
  if (trustedProxies.length === 0) return peer;
  if (clientAddressHeader) return fromHeader(peer, headers.get(clientAddressHeader), trustedProxies);
  return fromWay(peer, headers.get("x-forwarded-for"), trustedProxies);
}

/**
 * Reads a header that the proxy writes itself. If it does not hold exactly one address, the proxy did not write it.
 * There is no fallback to `X-Forwarded-For`, because clients can write that as they like.
 */
function fromHeader(peer: string, value: string | null, trusted: readonly Cidr[]): string {
  const address = value?.trim() ?? "";
  return isIP(address) > 0 && isTrusted(peer, trusted) ? address : peer;
}

/**
 * Returns the nearest address on the request's path that is not a trusted proxy. Each proxy appends the address that
 * called it to `X-Forwarded-For`; an entry is trusted only if one of our own proxies wrote it.
 */
function fromWay(peer: string, forwardedFor: string | null, trusted: readonly Cidr[]): string {
  if (!forwardedFor) return peer;
  let nearest = peer;
  for (const hop of forwardedFor.split(",").reverse()) {
    if (!isTrusted(nearest, trusted)) break;
    const address = hop.trim();
    if (isIP(address) === 0) break;
    nearest = address;
  }
  return nearest;
}

/** The key that a throttle counts by: an IPv4 address, or the /64 that an IPv6 customer commonly has. */
export function throttleKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return parsed.toByteArray().slice(0, 8).join(".");
}

/** Returns the throttle key of a peer, which is an address with or without a port. */
export const peerKey = (peer: string): string =>
  throttleKey(isIP(peer) > 0 ? peer : peer.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"));

/**
 * Returns the keys under which a throttle counts an address, so that a client with many addresses gains little: the
 * client's own, plus the /24 of IPv4 or the /48 and /32 of IPv6.
 */
export function networksOf(address: string): string[] {
  if (!ipaddr.isValid(address)) return [address];
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  const wider = parsed.kind() === "ipv4" ? [3] : [6, 4];
  return [throttleKey(address), ...wider.map((length) => `${bytes.slice(0, length).join(".")}/${8 * length}`)];
}

/** Whether an address belongs to a trusted proxy. */
export function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
}
