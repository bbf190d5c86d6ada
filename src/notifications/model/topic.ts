import { z } from "zod";

/**
 * The name of a topic that accounts publish on and subscribe to (specification 1.4: the documented patterns, combined).
 */
export const TOPIC = /^[0-9A-Za-z._-]{1,127}$/;

export const Topic = z.string().regex(TOPIC, `must match ${TOPIC.source}`);
