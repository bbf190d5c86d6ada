/** Where to listen: a host name or IP address (IPv6 without brackets), and a TCP port, 0 for any that is free. */
export type Address = { host: string; port: number };

export const formatAddress = ({ host, port }: Address) => `${host.includes(":") ? `[${host}]` : host}:${port}`;
