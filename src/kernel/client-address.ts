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

/** What a throttle counts by where many addresses shall gain little: beside the client's own, of IPv4 the /24, of IPv6 the /48 and the /32. */
export function networksOf(address: string): string[] {
  if (!ipaddr.isValid(address)) return [address];
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  const wider = parsed.kind() === "ipv4" ? [3] : [6, 4];
  return [throttleKey(address), ...wider.map((length) => `${bytes.slice(0, length).join(".")}/${8 * length}`)];
}

function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
}
