import type { Deps } from "../deps.ts";
import type { Reader } from "../store/sql.ts";
import { findDeviceRow } from "./device-rows.ts";
import { isTokenOf, tokenFrom } from "./device-token.ts";
import { findHubRow, type Hub } from "./hub-rows.ts";
import { identifyByCertificate } from "./identify-certificate.ts";
import {
  admit,
  badToken,
  type Credentials,
  type Identified,
  insecure,
  type Refusal,
  refusal,
  unidentified,
} from "./identity.ts";
import { loadDevice } from "./lookups.ts";

/**
 * Finds out which device a connection is, and whether it may be (specification 5.2): by its certificate if it presented one, whatever it
 * calls itself; else by its client identifier, else by its user name. Who is only named must allow insecure connections, or bring a token
 * signed by the key of its certificate for a password.
 *
 * The answer is of a moment that has passed once it is read: `deviceConnected` asks again in its transaction.
 */
export async function identifyDevice(deps: Deps, credentials: Credentials): Promise<Identified | Refusal> {
  if (credentials.certificates.length > 0) {
    const outcome = await identifyByCertificate(deps, credentials);
    if ("reason" in outcome && outcome.hubId === null) return { ...outcome, hubId: namedHub(deps, credentials) };
    return outcome;
  }
  const named = deps.store.read((reader) => findNamed(reader, credentials));
  if (!named) return unidentified();
  const { device, hub } = named;
  if (!hub) return refusal("hub_not_ready", "hub is deleted", { device, hub: { id: device.hubId } });
  const token = tokenFrom(credentials.password);
  const claimed = { ...named, hub, provisioned: false };
  if (token === undefined) return device.allowInsecure ? admit({ ...claimed, secure: false }) : insecure(claimed);
  const secure = await isTokenOf(deps, token, device);
  // A device that allows insecure connections may have anything for a password.
  if (!secure && !device.allowInsecure) return badToken(claimed);
  const now = deps.store.read((reader) => loadDevice(reader, device.id));
  const proved = secure && now?.device.certificate?.fingerprint === device.certificate?.fingerprint;
  return now && now.hub.id === hub.id && (proved || now.device.allowInsecure)
    ? admit({ ...claimed, ...now, secure: proved })
    : badToken(claimed);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The device that a connection's names name. Its hub is absent while it is being deleted. */
function findNamed(reader: Reader, { clientId, userName }: Pick<Credentials, "clientId" | "userName">) {
  const byClientId = findById(reader, clientId);
  const device = byClientId ?? findById(reader, userName);
  if (!device) return undefined;
  const by: Identified["by"] = byClientId ? "client_id" : "user_name";
  const hub: Hub | undefined = findHubRow(reader, device.hubId);
  return { device, hub, by };
}

const findById = (reader: Reader, name: string | null) =>
  name !== null && UUID.test(name) ? findDeviceRow(reader, name.toLowerCase()) : undefined;

/** Where somebody will look for the reason why a device is refused: the hub that it would be in by its names. */
const namedHub = ({ store }: Deps, credentials: Credentials): string | null =>
  store.read((reader) => findNamed(reader, credentials))?.hub?.id ?? null;
