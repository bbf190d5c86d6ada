import type { Deps } from "../../deps.ts";
import { stopwatchMs } from "../../kernel/clock.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findHubIdByCa, listHubIdsByCaSubject } from "../registry/ca-rows.ts";
import { derOf } from "../registry/certificates.ts";
import type { Hub } from "../registry/hub-rows.ts";
import { loadHub } from "../registry/lookups.ts";
import { chainOf, isIssuedUnder, type PresentedCertificate, readPresented } from "./client-certificate.ts";

/**
 * Maximum number of CAs with the same name and key identifier that are tried: each costs a signature check, about a
 * tenth of a millisecond. Names and identifiers can be copied, so accounts take turns: at least this many accounts
 * would have to copy both to hide another's CA. A client that sends the CA itself or names its device is always found.
 */
const NAMESAKES_MAX = 256;
/** Maximum time for which signatures are checked before the event loop gets a turn. */
const SLICE_MS = 2;

/**
 * Where to look for the CA: `first` in these hubs, regardless of which certificates were sent; and in the hub of the
 * device that the connection names.
 */
type Hints = { first?: (Hub | undefined)[]; named?: Hub | undefined };

/**
 * The CA that last vouched for a certificate: a device comes back with the same one, and then namesakes cost nothing.
 */
const lastVoucher = new WeakMap<PresentedCertificate, string>();

/**
 * Finds the hub whose customer's CA vouches for a certificate, directly or through authorities sent with it. If none
 * does, `suspect` is the hub of the only candidate, if there was exactly one.
 */
export async function findVoucher(
  deps: Deps,
  leaf: PresentedCertificate,
  others: PresentedCertificate[],
  hints: Hints = {},
) {
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

/** Our own CAs vouch only for attached certificates. */
const isCustomers = (hub: Hub) => hub.caKeySealed === null;

function listCandidates(
  reader: Reader,
  leaf: PresentedCertificate,
  others: PresentedCertificate[],
  { first = [], named }: Hints,
): string[] {
  const shown = others.map(({ fingerprint }) => findHubIdByCa(reader, fingerprint)).filter((id) => id !== undefined);
  const found = shown.length > 0 ? shown : [...likely(reader, leaf, named), ...namesakes(reader, [leaf, ...others])];
  const preferred = first.filter((hub) => hub !== undefined && isCustomers(hub)).map((hub) => (hub as Hub).id);
  return [...new Set([...preferred, ...found])].slice(0, NAMESAKES_MAX);
}

function likely(reader: Reader, leaf: PresentedCertificate, named: Hub | undefined): string[] {
  const last = lastVoucher.get(leaf);
  const lastId = last === undefined ? undefined : findHubIdByCa(reader, last);
  return [...(lastId === undefined ? [] : [lastId]), ...(named && isCustomers(named) ? [named.id] : [])];
}

/**
 * Hubs with a CA that has the issuer name of one of these certificates, and the issuer's key identifier if it gives
 * one.
 */
function namesakes(reader: Reader, certificates: PresentedCertificate[]): string[] {
  const asked = new Map(certificates.map((one) => [`${one.issuer} ${one.issuerKeyId}`, one]));
  const lists = [...asked.values()].map(({ issuer, issuerKeyId }) =>
    listHubIdsByCaSubject(reader, issuer, issuerKeyId, NAMESAKES_MAX),
  );
  // The certificates take turns too: an additional one cannot take up all places.
  return Array.from({ length: NAMESAKES_MAX }, (_, turn) => lists.map((list) => list[turn])).flatMap((ids) =>
    ids.filter((id) => id !== undefined),
  );
}
