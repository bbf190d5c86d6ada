import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { UNFINISHED } from "../../kernel/fairness/fair-slices.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import {
  type Device,
  type DeviceCursor,
  type DeviceSummary,
  findDevice,
  listDeviceSummaries,
} from "../registry/device-rows.ts";
import { countDevices } from "../registry/hub-rows.ts";
import { isDevicePermitted } from "../registry/lookups.ts";
import type { Page } from "../registry/page-rows.ts";

type Query = {
  name?: string | undefined;
  hubId?: string | undefined;
  allowInsecure?: boolean | undefined;
  status?: "error" | "enabled" | "disabled" | undefined;
  page: Page;
};

/** Devices read per query. */
const READ = 200;

/**
 * Returns one page of the devices of the caller's account (specification 4.3), and the total count. No device ever
 * has the status `error`. There may be very many, each checked by the role's rule, so the list is read in slices of
 * time. Of devices not shown only a few columns are read, and only those that may still be shown are kept.
 */
export async function listDevices(
  { store, slices }: Deps,
  actor: UserActor,
  query: Query,
): Promise<{ items: Device[]; totalCount: number }> {
  if (query.status === "error") return { items: [], totalCount: 0 };
  const { accountId } = actor;
  const { hubId, name, page } = query;
  const walk = { accountId, hubId, name, descending: page.orderBy === "name" && page.descending };
  const window = windowOf(page);
  const { ending, count } = store.read((reader) => countDevices(reader, accountId, hubId));
  const isFiltered =
    actor.rules.twin !== null || name !== undefined || query.allowInsecure !== undefined || query.status;
  // A count by the database saves walking to the end.
  const counted = isFiltered ? undefined : count;
  let behind: DeviceCursor = null;
  return slices.run({ account: accountId, member: actor.userId }, (isOver) =>
    store.read((reader) => {
      const isMeant = (device: DeviceSummary) =>
        !ending.has(device.hubId) && fits(device, query) && isDevicePermitted(reader, actor, device.id);
      do {
        const read = listDeviceSummaries(reader, walk, behind, READ);
        let passed = 0;
        for (const device of read) {
          if (passed > 0 && actor.rules.twin !== null && isOver()) break;
          behind = device;
          passed++;
          if (isMeant(device)) window.add(device);
        }
        const ended = passed === read.length && read.length < READ;
        if (ended || (counted !== undefined && window.isFull)) {
          return { items: found(reader, accountId, window.shown()), totalCount: counted ?? window.count };
        }
      } while (!isOver());
      return UNFINISHED;
    }),
  );
}

const fits = ({ enabled, allowInsecure }: DeviceSummary, query: Query) =>
  (query.allowInsecure === undefined || allowInsecure === query.allowInsecure) &&
  (query.status === undefined || enabled === (query.status === "enabled"));

const found = (reader: Reader, accountId: string, shown: DeviceSummary[]): Device[] =>
  shown.flatMap(({ id }) => findDevice(reader, accountId, id) ?? []);

/** Keeps the devices up to the end of the requested page in its order, and counts all. */
function windowOf({ page, pageSize, orderBy, descending }: Page) {
  const end = page * pageSize;
  const start = end - pageSize;
  // The walk is already in the order of names.
  const sorted = orderBy === "name" ? undefined : comparison(orderBy, descending);
  let kept: DeviceSummary[] = [];
  let count = 0;
  const tidy = () => {
    if (sorted) kept = kept.sort(sorted).slice(0, end);
  };
  return {
    add(device: DeviceSummary) {
      count++;
      if (sorted) kept.push(device);
      else if (count > start && count <= end) kept.push(device);
      // Sorted rarely enough that each device is moved only a few times.
      if (sorted && kept.length >= end + Math.max(end, READ)) tidy();
    },
    get count() {
      return count;
    },
    get isFull() {
      return !sorted && count >= end;
    },
    shown() {
      tidy();
      return sorted ? kept.slice(start) : kept;
    },
  };
}

/** By status, disabled devices sort before enabled ones, like the words. Ties are sorted by id. */
function comparison(orderBy: string, descending: boolean) {
  const keys: Record<string, (device: DeviceSummary) => string | number> = {
    status: ({ enabled }) => Number(enabled),
    hub_id: ({ hubId }) => hubId,
    created_at: ({ createdAt }) => createdAt,
    updated_at: ({ updatedAt }) => updatedAt,
    allow_insecure: ({ allowInsecure }) => Number(allowInsecure),
  };
  const keyOf = keys[orderBy] as (device: DeviceSummary) => string | number;
  const before = descending ? 1 : -1;
  return (a: DeviceSummary, b: DeviceSummary) => {
    const [x, y] = [keyOf(a), keyOf(b)];
    if (x !== y) return x < y ? before : -before;
    return a.id < b.id ? -1 : 1;
  };
}
