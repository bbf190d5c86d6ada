import { COMMANDS } from "./commands.ts";
import { enclosingPort } from "./platform/thread.ts";
import { serveWriter } from "./store/writer/writer-thread.ts";

// The writer's thread of a server.

serveWriter(enclosingPort(), COMMANDS);
