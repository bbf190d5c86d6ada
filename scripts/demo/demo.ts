import { playAlarm } from "./alarm.ts";
import { playStickers } from "./stickers.ts";

// `bun run demo stickers`: plays a story against a server that is started for it, tells each call and message, and fails
// loudly where anything is not as it should be.

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
