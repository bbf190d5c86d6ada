import { z } from "zod";

/** The name of something that accounts publish and subscribe to (specification 1.4: what the pages print, taken together). */
export const TOPIC = /^[0-9A-Za-z._-]{1,127}$/;

export const Topic = z.string().regex(TOPIC, `must match ${TOPIC.source}`);
