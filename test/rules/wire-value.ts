import type { JsonValue } from "../../src/kernel/json.ts";
import { formatNumber, type Numeric } from "../../src/rules/values/decimal.ts";
import type { Datetime, Timedelta } from "../../src/rules/values/times.ts";
import {
  keysOf,
  kindOf,
  type Mapping,
  membersOf,
  type RuleSet,
  type RuleValue,
} from "../../src/rules/values/values.ts";

/**
 * A value with its type and all of its digits, in the format in which test/conformance/rules/test_rules.py writes
 * rule-engine's.
 */
export function toWire(value: RuleValue): JsonValue {
  switch (kindOf(value)) {
    case "number":
      return ["number", formatNumber(value as Numeric)];
    case "text":
      return ["text", value as string];
    case "bytes":
      return ["bytes", ...(value as Uint8Array)];
    case "datetime": {
      const { seconds, micros, offset } = value as Datetime;
      return ["datetime", seconds, micros, offset];
    }
    case "duration": {
      const { days, seconds, micros } = value as Timedelta;
      return ["duration", days, seconds, micros];
    }
    case "array":
      return ["array", ...(value as RuleValue[]).map(toWire)];
    case "set":
      // Whether a set keeps 1 or true is random in Python, where they are equal.
      return ["set", ...[...(value as RuleSet).members.values()].map(toWire).map(asNumber).sort()];
    case "mapping": {
      const values = membersOf(value as Mapping).map(toWire);
      return ["mapping", ...keysOf(value as Mapping).map((key, i) => [toWire(key), values[i] as JsonValue])];
    }
    case "function":
      return ["function"];
    default:
      return value as null | boolean;
  }
}

const asNumber = (wire: JsonValue) => JSON.stringify(typeof wire === "boolean" ? ["number", wire ? "1" : "0"] : wire);
