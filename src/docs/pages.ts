import access from "./access.md" with { type: "text" };
import backup from "./backup.md" with { type: "text" };
import changelog from "./changelog.md" with { type: "text" };
import commands from "./commands.md" with { type: "text" };
import compatibility from "./compatibility.md" with { type: "text" };
import configuration from "./configuration.md" with { type: "text" };
import contributing from "./contributing.md" with { type: "text" };
import decisions from "./decisions.md" with { type: "text" };
import deployment from "./deployment.md" with { type: "text" };
import devices from "./devices.md" with { type: "text" };
import durability from "./durability.md" with { type: "text" };
import ledgers from "./ledgers.md" with { type: "text" };
import limits from "./limits.md" with { type: "text" };
import moving from "./moving.md" with { type: "text" };
import mqtt from "./mqtt.md" with { type: "text" };
import operation from "./operation.md" with { type: "text" };
import security from "./security.md" with { type: "text" };
import stickers from "./stickers.md" with { type: "text" };
import webhooks from "./webhooks.md" with { type: "text" };

/** The pages of the manual by their names, in the order in which they are listed. A page begins with its title. */
export const PAGES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    access,
    ledgers,
    stickers,
    webhooks,
    devices,
    mqtt,
    commands,
    configuration,
    operation,
    limits,
    durability,
    backup,
    moving,
    deployment,
    security,
    compatibility,
    decisions,
    contributing,
    changelog,
  }),
);
