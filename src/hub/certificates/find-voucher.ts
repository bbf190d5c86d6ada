import type { Deps } from "../../deps.ts";
import { stopwatchMs } from "../../kernel/clock.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findHubIdByCa, listNamesakes } from "../registry/ca-rows.ts";
import { derOf } from "../registry/certificates.ts";
import type { Hub } from "../registry/hub-rows.ts";
import { loadHub } from "../registry/lookups.ts";
import { chainOf, isIssuedUnder, type Presented, readPresented } from "./client-certificate.ts";

/**
 * CAs of one name and key identifier that are tried: each costs a signature, about a tenth of a millisecond. Names and identifiers can be
 * copied, so accounts take turns: so many of them at least would have to copy both to hide another's. Who shows the CA itself, or names its
 * device, needs no luck.
 */
const NAMESAKES_MAX = 256;
/** So long signatures are checked before whatever else waits is served. */
const SLICE_MS = 2;

/** Where to look for the CA: in these hubs first, whatever is shown; and in that of the device that a connection names. */
type Hints = { first?: (Hub | undefined)[]; named?: Hub | undefined };

/** The CA that last vouched for a certificate: a device comes back with the same one, and then no namesake costs anything. */
const lastVoucher = new WeakMap<Presented, string>();

/**
 * The hub with a CA of the customer's own that vouches for a certificate, directly or over authorities that were shown with it. Where none
 * does, `suspect` is the only hub whose CA might have.
 */
export async function findVoucher(deps: Deps, leaf: Presented, others: Presented[], hints: Hints = {}) {
  const now = deps.clock.now();
  const chain = chainOf(leaf, others);
  const candidates = deps.store.read((reader) => listCandidates(reader, leaf, others, hints));
  let sliceEnds = stopwatchMs() + SLICE_MS;
  for (const id of candidates) {
    if (stopwatchMs() > sliceEnds) {
      await new Promise<void>((resume) => setImmediate(resume));
      sliceEnds = stopwatchMs() + SLICE_MS;
    }
    const hub = deps.store.read((reader) => loadHub(reader, id));
    const ca = hub && isCustomers(hub) ? await readPresented(derOf(hub.caPem), now) : undefined;
    if (!hub || !ca || ca.fingerprint === leaf.fingerprint) continue;
    if (isIssuedUnder(ca, chain)) {
      lastVoucher.set(leaf, ca.fingerprint);
      return { hub, suspect: undefined };
    }
  }
  const [only, second] = candidates;
  if (only === undefined || second !== undefined) return { hub: undefined, suspect: undefined };
  return { hub: undefined, suspect: deps.store.read((reader) => loadHub(reader, only)) };
}

/** Our own CAs vouch for nothing but what is attached. */
const isCustomers = (hub: Hub) => hub.caKeySealed === null;

function listCandidates(reader: Reader, leaf: Presented, others: Presented[], { first = [], named }: Hints): string[] {
  const shown = others.map(({ fingerprint }) => findHubIdByCa(reader, fingerprint)).filter((id) => id !== undefined);
  const found = shown.length > 0 ? shown : [...likely(reader, leaf, named), ...namesakes(reader, [leaf, ...others])];
  const preferred = first.filter((hub) => hub !== undefined && isCustomers(hub)).map((hub) => (hub as Hub).id);
  return [...new Set([...preferred, ...found])].slice(0, NAMESAKES_MAX);
}

function likely(reader: Reader, leaf: Presented, named: Hub | undefined): string[] {
  const last = lastVoucher.get(leaf);
  const lastId = last === undefined ? undefined : findHubIdByCa(reader, last);
  return [...(lastId === undefined ? [] : [lastId]), ...(named && isCustomers(named) ? [named.id] : [])];
}

/** Hubs of CAs that have the name, and the key identifier if there is one, that certificates give as their issuers'. */
function namesakes(reader: Reader, certificates: Presented[]): string[] {
  const asked = new Map(certificates.map((one) => [`${one.issuer} ${one.issuerKeyId}`, one]));
  const lists = [...asked.values()].map(({ issuer, issuerKeyId }) =>
    listNamesakes(reader, issuer, issuerKeyId, NAMESAKES_MAX),
  );
  // In turn as well: no certificate that a client shows beside its own takes all the places.
  return Array.from({ length: NAMESAKES_MAX }, (_, turn) => lists.map((list) => list[turn])).flatMap((ids) =>
    ids.filter((id) => id !== undefined),
  );
}
