import { newTwin } from "./ledger.ts";
import { listen } from "./published-messages.ts";
import { type Caller, type Json, openWorld } from "./world.ts";

const EVERYTHING = { effect: "deny", actions: null };

type Person = Pick<Caller, "call">;

/**
 * A company with a twin and a meter desk, and a contractor of the same account: the people of the tutorial. The company
 * listens to publications, unless `listening` is false.
 */
export async function openStickers(settings: Record<string, string> = {}, { listening = true } = {}) {
  const world = await openWorld(settings);
  const company = await world.createAccount();
  if (listening) listen(world, company.account);
  const desk = await world.createUser(company, EVERYTHING, "Meter desk");
  const contractor = await world.createUser(company, EVERYTHING, "Contractor");
  const twin = await newTwin(company);
  const path = `/twins/${twin}/stickers`;
  const seconds = () => world.clock.now() / 1000;
  return {
    world,
    company,
    desk,
    contractor,
    twin,
    path,
    seconds,
    recipients: [contractor.user, desk.user],
    put: (stickers: Json, by: Person = desk) => by.call("POST", path, { stickers }),
    list: async (by: Person, query = "") => (await by.call("GET", `/stickers${query}`)).body.stickers,
    colors: async (by: Person, query = "") =>
      (await by.call("GET", `/stickers${query}`)).body.stickers.map(({ color }: Json) => color),
    get: (by: Person, color: string, query = "") => by.call("GET", `${path}/${color}${query}`),
    remove: (by: Person, color: string, query = "") => by.call("DELETE", `${path}/${color}${query}`),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
    },
  };
}
