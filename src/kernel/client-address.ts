import ipaddr from "ipaddr.js";
import type { Cidr } from "./address.ts";

/**
 * The client's address: the nearest one on the way of the request that is no trusted proxy. Each proxy appends the address it
 * was called from to `X-Forwarded-For`; what stands there is believed only as far as proxies of our own wrote it.
 */
export function clientAddress(peer: string, forwardedFor: string | null, trusted: readonly Cidr[]): string {
  if (trusted.length === 0 || !forwardedFor) return peer;
  let nearest = peer;
  for (const hop of forwardedFor.split(",").reverse()) {
    if (!isTrusted(nearest, trusted)) break;
    const address = hop.trim();
    if (!ipaddr.isValid(address)) break;
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

/** Whether an address is a proxy's of our own. */
export function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
}
