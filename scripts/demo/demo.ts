import { playAlarm } from "./alarm.ts";
import { playStickers } from "./stickers.ts";

// `bun run demo stickers`: plays a story against a server started for it, prints each call and message, and fails if
// anything differs from what is expected.

const STORIES: Record<string, () => Promise<void>> = { stickers: playStickers, alarm: playAlarm };

const name = process.argv[2] ?? "";
const play = STORIES[name];
if (!play) {
  process.stderr.write(`usage: bun run demo ${Object.keys(STORIES).join(" | ")}\n`);
  process.exit(2);
}
try {
  await play();
} catch (error) {
  process.stdout.write(`\nFAILED ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
