import { filesOf, folderWith } from "../store/memory-folder.ts";
import { openWorld, type World } from "./world.ts";

/**
 * What many tests begin with is made once, and each of them gets a world of its own with a copy of it, for a tenth of the time.
 * What `prepare` answers goes with each copy, so it is of ids and secrets, not of calls into the world that it was made in.
 */
export function prepared<Things>(prepare: (world: World) => Promise<Things>) {
  const make = async () => {
    const world = await openWorld();
    const things = await prepare(world);
    using made = await world.end();
    return { files: filesOf(made.path), things };
  };
  let template: ReturnType<typeof make> | undefined;
  return async () => {
    template ??= make();
    const { files, things } = await template;
    return { world: await openWorld({}, undefined, folderWith(files)), things };
  };
}
