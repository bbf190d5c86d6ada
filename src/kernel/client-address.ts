import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { Cidr } from "./address.ts";

/** Whose word for a client's address is believed. */
export type ProxyTrust = {
  /** Where the proxies are. */
  readonly trustedProxies: readonly Cidr[];
  /** The header in which they say it, each writing over what came; without one it is `X-Forwarded-For`. */
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
 * A header that the proxy writes itself. One that does not have exactly one address was not written by it, so nothing else is
 * believed in its place: a client writes `X-Forwarded-For` as it likes.
 */
function fromHeader(peer: string, value: string | null, trusted: readonly Cidr[]): string {
  const address = value?.trim() ?? "";
  return isIP(address) > 0 && isTrusted(peer, trusted) ? address : peer;
}

/**
 * The nearest address on the way of the request that is no trusted proxy. Each proxy appends the address it was called from to
 * `X-Forwarded-For`; what stands there is believed only as far as proxies of our own wrote it.
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

/** What a throttle counts by: an IPv4 address, or the /64 that an IPv6 customer commonly has. */
export function throttleKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return parsed.toByteArray().slice(0, 8).join(".");
}

/** Likewise of a peer, which is an address, with or without its port. */
export const peerKey = (peer: string): string =>
  throttleKey(isIP(peer) > 0 ? peer : peer.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"));

/** What a throttle counts by where many addresses shall gain little: beside the client's own, of IPv4 the /24, of IPv6 the /48 and the /32. */
export function networksOf(address: string): string[] {
  if (!ipaddr.isValid(address)) return [address];
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  const wider = parsed.kind() === "ipv4" ? [3] : [6, 4];
  return [throttleKey(address), ...wider.map((length) => `${bytes.slice(0, length).join(".")}/${8 * length}`)];
}

/** Whether an address is a proxy's of our own. */
export function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
}
