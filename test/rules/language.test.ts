import { describe, expect, test } from "bun:test";
import type { JsonValue } from "../../src/kernel/json.ts";
import { decide, refusal, value } from "./ask.ts";

// One table for each group of the language (2.13). test/conformance/rules/test_rules.py checks that these values are those of
// rule-engine.

const GROUPS: Record<string, [rule: string, comesTo: JsonValue][]> = {
  "texts have Python's escapes": [
    ["'a\\tb'", "a\tb"],
    ['s"\\x41\\u00e9\\U0001F600"', "Aé😀"],
    ["'\\101\\q\\''", "A\\q'"],
  ],
  "numbers are decimals": [
    ["12", 12],
    [".5 + 1. + 1e3", 1001.5],
    ["0x1f + 0o17 + 0b101", 51],
    ["0.1 + 0.2 == 0.3", true],
    ["(1.10 + 2.20).to_str", "3.30"],
    ["(1 / 3).to_str", "0.3333333333333333333333333333"],
    ["99999999999999999999 + 1 == 1e20", true],
    ["(2 ** 0.5).to_str", "1.414213562373095048801688724"],
    ["-inf", "-inf"],
    ["nan == nan", false],
  ],
  "datetimes and durations are ISO 8601": [
    ['d"2025-01-31T12:00"', ["datetime", 1738324800, 0, 0]],
    ['t"P1DT2H"', ["duration", 1, 7200, 0]],
    ['d"2025-01-31" + t"P1D" == d"2025-02-01"', true],
    ['d"2025-01-31T12:00+02:00" == d"2025-01-31T10:00Z"', true],
    ['(d"2025-02-01" - d"2025-01-31").total_seconds', 86400],
    ['(-t"PT1S").days', -1],
  ],
  "bytes, arrays, sets and mappings": [
    ["b'a\\x00' + b'b'", ["bytes", 97, 0, 98]],
    ["[1, 'a', [],]", [1, "a", []]],
    ["{1, 2, 2}", [1, 2]],
    ["{'a': 1, 'a': 2}.a", 2],
    ["{}.is_empty", true],
  ],
  arithmetic: [
    ["7 // 2 + -7 // 2 + 7 % 3 + -7 % 3", 0],
    ["2 ** 3 ** 2", 64],
    ["-2 ** 2", 4],
    ["'a' + 'b'", "ab"],
  ],
  "bitwise operators": [
    ["6 & 3", 2],
    ["6 | 3 ^ 1", 6],
    ["1 << 4 >> 1", 8],
    ["{1, 2} & {2, 3}", [2]],
    ["{1, 2} ^ {2, 3}", [1, 3]],
  ],
  comparisons: [
    ["1 == 'a'", false],
    ["1 != true", true],
    ["[1, 2] < [1, 3]", true],
    ["[1] < [1, 0]", true],
    ["null <= null and null >= null", true],
    ["null < null", false],
    ["'Z' < 'a' and '\\uffff' < '😀'", true],
  ],
  "regular expressions": [
    ["'meter' =~ 'met'", true],
    ["'meter' =~ 'eter'", false],
    ["'meter' =~~ 'eter'", true],
    ["'meter' !~ 'eter'", true],
    ["'meter' !~~ 'eter'", false],
    ["null =~ null", true],
    ["null =~ 'a'", false],
    ["null !~ 'a'", true],
    ["word =~ '(?P<first>m)(.)(x)?' and $re_groups == ['m', 'e', null]", true],
    ["'٣é_' =~ '\\\\d\\\\w\\\\w$'", true],
    ["'a\\n' =~ 'a$'", true],
    ["'a\\n\\n' =~ 'a$'", false],
    ["'B' =~ '(?i)[^\\\\S\\\\n]|[a\\\\W]|b'", true],
  ],
  logic: [
    ["'a' and []", false],
    ["0 or {1}", true],
    ["not ''", true],
    ['not t"P0D"', true],
    ["not nan", false],
  ],
  membership: [
    ["1 in [1] and 3 not in {1, 2}", true],
    ["'size' in TWIN", true],
    ["'et' in 'meter' and b'b' in b'abc'", true],
    ["'__proto__' in TWIN or 'toString' in TWIN", false],
  ],
  choice: [
    ["yes ? 1 : 2", 1],
    ["no ? 1 : no ? 2 : 3", 3],
  ],
  access: [
    ["TWIN.size.width", 3],
    ["TWIN['company']", "acme"],
    ["words[0] + words[-1]", "waterheat"],
    ["word[1:3] + word[:1] + word[4:] + word[-2:]", "etmrer"],
    ["emoji.length", 3],
    ["emoji[1] + emoji[-1] + emoji[2:]", "😀bb"],
    ["nothing&.x", null],
    ["nothing&[0]", null],
    ["words&[9]", null],
  ],
  comprehensions: [
    ["[w.length for w in words]", [5, 3, 4]],
    ["[v * 2 for v in numbers if v > 1]", [6, 5]],
    ["[k for k in TWIN.size]", ["width", "height"]],
    ["[[v + u for v in [1, 2]] for u in [10]]", [[11, 12]]],
  ],
  "built-ins": [
    ["$abs(-2) + $max([1, 3]) + $min([1, 3]) + $sum([1, 2])", 9],
    ["$any([0, 1]) and not $all([0, 1])", true],
    ["$filter($abs, [0, 1])", [1]],
    ["$map($abs, [-1, 1])", [1, 1]],
    ["$map('meter'.starts_with, ['m', 'e'])", [true, false]],
    ["$range(2, 8, 3)", [2, 5]],
    ["$split(' a  b ') == ['a', 'b'] and $split('a,b,c', ',', 1) == ['a', 'b,c']", true],
    ["$parse_float('-1_0.5') == -10.5 and $parse_timedelta('P1D') == t'P1D'", true],
    ["$parse_datetime('2025-01-31') == d'2025-01-31'", true],
    ["$now == d'2025-11-24T13:21:40.125' and $today == d'2025-11-24'", true],
    ["$random() == 0.5 and $random(9) == 5", true],
    ["$pi > 3.14 and $e > 2.71", true],
  ],
  "attributes of values": [
    ["'Aß'.as_lower + 'aß'.as_upper", "aßASS"],
    ["'1.5'.to_flt + '0x1f'.to_int", 32.5],
    ["'-5'.to_flt.is_nan", true],
    ["'ab'.to_ary", ["a", "b"]],
    ["'meter'.starts_with('me') and 'meter'.ends_with('er')", true],
    ["'é'.encode('utf-8').decode('hex') + b'hi'.decode('base64')", "c3a9aGk="],
    ["[1, 2].starts_with([1]) and [1, 1].to_set.length == 1", true],
    ["{'b': 1, 'a': 2}.keys", ["b", "a"]],
    ["{'b': 1, 'a': 2}.values", [1, 2]],
    ["(1.5).ceiling + (-1.5).floor + (3).to_int", 3],
    ['d"2025-01-31T10:11:12.5".weekday', "Friday"],
    ['d"2025-01-31T10:11:12.5".to_epoch', 1738318272.5],
    ["t'P1DT1.5S'.seconds + t'PT0.25S'.microseconds", 250001],
  ],
  comments: [
    ["1 # one", 1],
    ["1 +\n1 # ends with a line feed\n", 2],
  ],
};

for (const [group, rules] of Object.entries(GROUPS)) {
  describe(group, () => {
    for (const [rule, comesTo] of rules) {
      test(rule, () => expect(value(rule)).toEqual(comesTo));
    }
  });
}

describe("precedence is that of version 4.5, which differs from most languages", () => {
  const same: [string, string][] = [
    ["no and yes ? no : yes", "no and (yes ? no : yes)"],
    ["not yes ? no : yes", "not (yes ? no : yes)"],
    ["yes ? 6 : 5 & 3", "(yes ? 6 : 5) & 3"],
    ["1 << 2 + 1", "(1 << 2) + 1"],
    ["not 1 == 2", "not (1 == 2)"],
    ["1 == 1 not in [false]", "(1 == 1) not in [false]"],
    ["2 + 3 in [5] and 4 | 2 ^ 6 & 3", "((2 + 3) in [5]) and (4 | (2 ^ (6 & 3)))"],
    ["2 * -3 ** 2", "2 * ((-3) ** 2)"],
    ["yes or yes and no", "yes or (yes and no)"],
  ];
  for (const [rule, meaning] of same) test(rule, () => expect(value(rule)).toEqual(value(meaning)));

  test("comparisons are not chained", () => {
    expect(refusal("1 < 2 < 3")).toContain("comparisons cannot be chained: unexpected < (at character 7)");
    expect(decide("1 not in [2] not in [3]")).toBe(true);
  });
});
