import ipaddr from "ipaddr.js";
import type { Cidr } from "../../kernel/address.ts";

// Which addresses a webhook may be sent to. A callback URL lets a stranger make our server send a request: it must lead
// to the public internet, never to hosts that only our server can reach.

/**
 * Ranges without public hosts although ipaddr.js classifies (some of) them as unicast, each with a reason. Other
 * classes than `unicast` are refused before.
 */
const CLOSED: readonly (readonly [range: string, why: string])[] = [
  ["0.0.0.0/8", "this host"],
  ["100.64.0.0/10", "carrier-grade NAT, with Alibaba's metadata"],
  ["168.63.129.16/32", "Azure's metadata and wire server, amid public addresses"],
  ["169.254.0.0/16", "link-local, with the metadata of most clouds"],
  ["192.0.0.0/24", "protocol assignments, with Oracle's metadata"],
  ["192.0.2.0/24", "documentation"],
  ["192.31.196.0/24", "AS112"],
  ["192.52.193.0/24", "AMT"],
  ["192.88.99.0/24", "6to4 relays"],
  ["192.175.48.0/24", "AS112"],
  ["198.18.0.0/15", "benchmarks"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/3", "multicast, reserved, broadcast"],
  ["2001::/23", "Teredo, benchmarks, ORCHID and other assignments"],
  ["2001:db8::/32", "documentation"],
  ["2002::/16", "6to4, which carries an IPv4 address"],
  ["2620:4f:8000::/48", "AS112"],
  ["3fff::/20", "documentation"],
];

/**
 * All of public IPv6. Outside of it are loopback, mapped, compatible, NAT64, unique local, link-local, site-local and
 * multicast addresses.
 */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");

const CLOSED_RANGES = CLOSED.map(([range]) => ipaddr.parseCIDR(range));

/**
 * Whether webhooks may be sent to an address in its canonical form: public ones, and those in a range that the operator
 * allows.
 */
export function isReachable(address: string, allowed: readonly Cidr[]): boolean {
  // A zone (`fe80::1%eth0`) names a local interface, and DNS never returns the shorter spellings of IPv4.
  if (!ipaddr.IPv6.isValid(address) && !ipaddr.IPv4.isValidFourPartDecimal(address)) return false;
  if (address.includes("%")) return false;
  const parsed = ipaddr.parse(address);
  return isWithin(parsed, allowed) || isPublic(parsed);
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== "unicast" || isWithin(address, CLOSED_RANGES)) return false;
  return address.kind() === "ipv4" || isWithin(address, [GLOBAL_IPV6]);
}

const isWithin = (address: ipaddr.IPv4 | ipaddr.IPv6, ranges: readonly Cidr[]) =>
  ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
