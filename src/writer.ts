import { enclosingPort } from "./platform/thread.ts";
import { COMMANDS } from "./rooms.ts";
import { runWriterThread } from "./store/writer/writer-thread.ts";

// The writer's thread of a server.

runWriterThread(enclosingPort(), COMMANDS);
