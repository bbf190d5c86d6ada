import { expect, setDefaultTimeout, test } from "bun:test";
import { playTour, TOUR_PLAYABLE, tourBlocks } from "../support/process/readme-tour.ts";
import { SOURCE, temporaryFolder } from "../support/process/server-process.ts";

/** Dozens of processes are started. */
setDefaultTimeout(60_000);

const play = TOUR_PLAYABLE ? test : test.skip;

play("who pastes the README's five minutes into a shell sees what stands there", async () => {
  using folder = temporaryFolder();
  const played = await playTour(SOURCE, folder.path);
  const wrong = played.filter((block) => "agrees" in block && !block.agrees);
  expect(wrong).toEqual([]);
  expect(played.length).toBe(tourBlocks().length);
  expect(played.length).toBeGreaterThan(10);
});

const MQTT_PLAYABLE = TOUR_PLAYABLE && Bun.which("mosquitto_rr") !== null;
if (!MQTT_PLAYABLE) test.skip("the part of them that takes mosquitto's clients", () => {});
