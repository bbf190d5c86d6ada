import type ipaddr from "ipaddr.js";

/** Where to listen: a host name or IP address (IPv6 without brackets), and a TCP port (0: any free one). */
export type Address = { host: string; port: number };

export const formatAddress = ({ host, port }: Address) => `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** A range of addresses: its first address and the number of leading bits they share. */
export type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number];
