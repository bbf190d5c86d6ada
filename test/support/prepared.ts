import { copyOf } from "./migrated.ts";
import { openWorld, type World } from "./world.ts";

/**
 * What many tests begin with is made once, and each of them gets a world of its own with a copy of it, for a tenth of the time.
 * What `prepare` answers goes with each copy, so it is of ids and secrets, not of calls into the world that it was made in.
 */
export function prepared<Things>(prepare: (world: World) => Promise<Things>) {
  const make = async () => {
    const world = await openWorld();
    const things = await prepare(world);
    const made = await world.end();
    process.on("exit", () => made[Symbol.dispose]());
    return { path: made.path, things };
  };
  let template: ReturnType<typeof make> | undefined;
  return async () => {
    template ??= make();
    const { path, things } = await template;
    return { world: await openWorld({}, undefined, copyOf(path)), things };
  };
}
