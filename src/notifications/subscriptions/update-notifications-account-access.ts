import { userCommand } from "../../access/model/user-command.ts";
import { record } from "../../journal/record.ts";
import { DomainError } from "../../kernel/failure.ts";
import { countOtherGrantees, replaceGrants } from "../model/grant-rows.ts";

/**
 * A publication also goes to subscriptions of grantees: this bounds, with the number of subscriptions to a topic, the
 * messages of one event.
 */
const GRANTEES_MAX = 100;

type Input = { granteeId: string; topics: string[] };

/**
 * Sets which topics of the caller's account another account may subscribe to, replacing the previous list; an empty
 * list ends the grant.
 */
export const updateNotificationsAccountAccess = userCommand(
  "update_notifications_account_access",
  (tx, actor, { granteeId, topics }: Input): string[] => {
    const { accountId } = actor;
    if (topics.length > 0 && countOtherGrantees(tx, accountId, granteeId) >= GRANTEES_MAX) {
      const message = `An account grants topics to at most ${GRANTEES_MAX} others.`;
      throw new DomainError({ code: "limited", kind: "quota", message });
    }
    replaceGrants(tx, accountId, granteeId, topics);
    record(tx, actor, { kind: "notifications.access_updated", accountId, data: { account: granteeId, topics } });
    return topics;
  },
);
