/** How the figures are measured, for readers of the page. Must be updated with the bench. */
export const METHOD = `No number stands alone: each figure is beside a floor or a peer that got the same load in the same run, in rounds in
turn (floor, ours, peer, floor, ours, peer, …), so that other load on the machine affects all alike. Rates and latencies are medians of the rounds; a
ratio is the median of the rounds' own ratios; max is of all rounds. Ours always runs with its normal durability: \`synchronous=FULL\`, and whatever is
answered or acknowledged is on disk.

The load comes from a process of its own, on the same machine, over the loopback address. It writes prepared bytes and reads no more
than it needs, and any answer with another status than the expected one fails the run. *Closed loop*: each connection sends its next request
as soon as it has a response (64 connections for REST, 64 devices that put, 16 publishers with at most 20 messages in flight each). *Open loop* (half
rate, latency, 200/s): requests fall due at random instants, whether or not the server keeps up, and latency counts from then; up to a millisecond
of it is the generator's timer. Requests go to twins at random; "10 000" and "1 000 000" are how many are stored, and "against 10000" is the ratio of
the two in the same rounds.

*Per cpu* is the same ratio for answers per second of processor time, of all threads and processes of a server: floors, mosquitto and aedes have one that
works, ours has a second that writes, the home-made stack has mosquitto, worker and PostgreSQL. The note of each line says how busy the server, the generator
and all other processes were, in percent of one processor; the machine has two, and where others took a good part of them, ratios say little.

**Floors.** REST: a bare Hono route on the same Bun that answers a constant of the size of our answer (reads), or parses the body and answers it (writes).
MQTT: the codec (mqtt-packet) on Bun's WebSocket server, which acknowledges each packet and sends it back, and stores nothing.

**Peers.** *mosquitto*, as Debian has it, with \`set_tcp_nodelay\`; it keeps sessions in memory. *aedes*, a broker in JavaScript, on the same Bun, with its
memory persistence. The *home-made stack* is what one would build instead of us: devices put documents to mosquitto over WebSocket; a worker
(\`scripts/bench/mqtt/home-made-worker.ts\`: Bun, mqtt.js, 64 sessions of one shared subscription at QoS 1) stores them in PostgreSQL
(\`fsync\` and \`synchronous_commit\` on, 256 MB of \`shared_buffers\`, on a Unix socket, all that waits in one \`INSERT … ON CONFLICT\`), publishes the answer
with the new version, and then acknowledges. It has no journal, no history, no permissions and no subscriptions; ours writes and checks them in the same
row. In the line of a peer, the ratio is ours to it.
`;
