"""Rules (2.13) against the package that the vendor refers to: rule-engine 4.5.0 and ours give the same results.

rule-lines.ts makes random rules from a fixed seed; TWINPOST_RULES_SEED and TWINPOST_RULES_COUNT change it.
"""

import datetime
import decimal
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import rule_engine
from rule_engine import ast, errors

SEED = os.environ.get("TWINPOST_RULES_SEED", "20250131")
COUNT = os.environ.get("TWINPOST_RULES_COUNT", "12000")

# The vendor's own rules, and an example of everything that the table of 2.13 names.
EXAMPLES = (
    *("TWIN.company == USER.company", "USER.profession == 'accounting'", "LEDGER.serial > 3", "true"),
    *('TWIN.kind == "cat" and entry_name in LEDGER.public', "value_changed_ts == 1707997392.123"),
    *("'a'", '"a"', "s'a'", "12", "1.5", ".5", "1e3", "0x1f", "0o17", "0b101", "inf", "nan", "true", "false", "null"),
    *('d"2025-01-31T12:00"', 't"P1DT2H"', 'b"a"', "[1, 2]", "{1, 2}", "{'k': 1}", "{}", "[1, 2,]", "{1, 2,}", "{1: 2,}"),
    *("1 + 2 - 3 * 4 / 5 // 6 % 7 ** 8", "-1", "'a' + 'b'", 'd"2025-01-31" + t"P1D"', "6 & 3 | 8 ^ 1", "1 << 2 + 3 >> 1"),
    *("{1, 2} & {2, 3}", "1 == 'a'", "1 != 'a'", "1 < 2", "'a' <= 'b'", "[1, 2] > [1]", "null >= null", "1 < 'a'"),
    *("'abc' =~ 'b'", "'abc' =~~ 'b'", "'abc' !~ 'b'", "'abc' !~~ 'b'", "null =~ null", "null !~ 'a'", "1 =~ 'a'"),
    *("true and 'a'", "0 or []", "not {}", "1 in [1]", "1 not in {2}", "'k' in {'k': 1}", "'b' in 'abc'", "b'b' in b'abc'"),
    *("1 ? 2 : 3", "TWIN.size.width", "words[1]", "words[1:3]", "words[:3]", "words[1:]", "words[-1]", "nothing&.a"),
    *("nothing&[0]", "words&[9]", "words[9]", "[w.length for w in words]", "[x for x in numbers if x > 1]", "$split('a b')"),
    *("$abs(-1)", "$all([1, 0])", "$any([1, 0])", "$filter($abs, [0, 1])", "$map($abs, [-1])", "$max([1, 2])", "$min([1, 2])"),
    *("$parse_datetime('2025-01-31')", "$parse_float('1.5')", "$parse_timedelta('P1D')", "$range(3)", "$sum([1, 2])"),
    *("$pi", "$e", "word =~ '(m)(.)' and $re_groups[1] == 'e'", "word =~ 'm' and $re_groups", "$re_groups"),
    *("1 # comment", "1 # comment\n", "# comment", "1 # a\n# b", "a.and", "else", "'x'.to_ary", "(1).to_str", "1.to_str"),
    # Precedence, as odd as it is.
    *("-2 ** 2", "2 ** 3 ** 2", "2 << 3 + 1", "1 + 1 == 2 & 1", "true ? 1 : 2 & 3", "not true ? false : true", "not 1 == 2"),
    *("1 == 2 == 3", "1 < 2 in [true]", "1 == 1 not in [false]", "not 1 not in [2]", "1 or 0 and 0", "4 | 2 ^ 6 & 3"),
    *("1 not in [2] not in [3]", "true and 1 ? 0 : 1", "2 * -3", "-'a'.length", "not not 1", "- -1", "[1, 2][0] + 1"),
    # Known only from the package's source.
    *("'ab'.ends_with('')", "'-5'.to_flt", "'1.0'.to_flt.to_str", "[1] < ['a']", "b'a' == b'a'", "false and (1 + 'a')"),
    *("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "1 in [true]", "[1] == [true]", "1 == true", "$sum([1, true])", "$max([])"),
    *("[[x for x in [1]] for x in [2]]", "[x for x in [$split('')]]", "1e999999 * 10", "1e-1000030 * 1", "1e30 // 1"),
    *("0 ** 0", "0 ** -1", "1 / 0", "-7 // 2", "-7 % 3", "inf - inf", "nan == nan", "nan < 1", "(1/3).to_str", "1 << 20000"),
)

# Where our result differs, and why it should.
DELIBERATE = {
    "{'length': 5}.length": "a key wins over an attribute of its name: so says the specification",
    "[x.x for x in [{'x': 1}]]": "the package takes the variable for the attribute",
    "'caf\u00e9' =~ 'caf\\\\b'": "\\b knows the letters of ASCII only: no answer is better than a wrong one",
    "'aa' =~ '(a)\\\\1'": "no backreferences in linear time",
    "'ab' =~ 'a(?=b)'": "no lookaround in linear time",
    "'a' =~ 'a\\\\Z'": "not one of RE2's",
    "'\\ud800'.length": "half of a surrogate pair is no text",
    "'\\N{BULLET}'": "no table of the names of characters",
    "true or $nothing_of_this_name": "a built-in that does not exist is a slip of the pen",
    "1e9999999999": "an exponent that our numbers do not hold",
    "'a'.encode('utf-16')": "one of the encodings left out",
    "$parse_datetime('+123-01-01')": "digits are digits",
    "$range(100000)[0]": "more steps than an evaluation has",
}

EPOCH = datetime.datetime(1970, 1, 1)


class ServiceDiffers(Exception):
    """The service returns null where the package raises an error."""


def wire(value: Any) -> Any:
    """Like toWire of test/rules/wire-value.ts."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (decimal.Decimal, int)):
        value = decimal.Decimal(value)
        if value.is_nan():
            return ["number", "nan"]
        return ["number", str(value).replace("Infinity", "inf")]
    if isinstance(value, str):
        return ["text", value]
    if isinstance(value, bytes):
        return ["bytes", *value]
    if isinstance(value, datetime.datetime):
        clock = value.replace(tzinfo=None) - EPOCH
        offset = value.utcoffset() // datetime.timedelta(seconds=1)
        return ["datetime", clock.days * 86400 + clock.seconds, clock.microseconds, offset]
    if isinstance(value, datetime.timedelta):
        return ["duration", value.days, value.seconds, value.microseconds]
    if isinstance(value, tuple):
        return ["array", *map(wire, value)]
    if isinstance(value, set):
        numbers = (int(member) if isinstance(member, bool) else member for member in value)
        members = (json.dumps(wire(member), ensure_ascii=False, separators=(",", ":")) for member in numbers)
        return ["set", *sorted(members)]
    if isinstance(value, Mapping):
        return ["mapping", *([wire(key), wire(member)] for key, member in value.items())]
    assert callable(value)
    return ["function"]


def has_no_members(thing: Any) -> bool:
    return thing is None or thing == ast.DataType.NULL


def is_mapping(thing: Any) -> bool:
    return isinstance(thing, (Mapping, ast.DataType.MAPPING.__class__)) or thing is errors.UNDEFINED


def evaluate(text: str, scope: dict) -> Any:
    try:
        return wire(rule_engine.Rule(text, context=rule_engine.Context(default_timezone="utc")).evaluate(scope))
    except errors.SymbolResolutionError as error:
        raise ServiceDiffers from error
    except errors.AttributeResolutionError as error:
        if has_no_members(error.object) or is_mapping(error.object):
            raise ServiceDiffers from error
        raise
    except errors.LookupError as error:
        if is_mapping(error.container):
            raise ServiceDiffers from error
        raise


@pytest.fixture(autouse=True)
def service_on_null(monkeypatch):
    """Records where an item of null is accessed, which the package distinguishes from a missing one."""

    def noting(cls, method, container_of):
        original = getattr(cls, method)

        def checked(self, *args, **kwargs):
            if container_of(self, args):
                raise ServiceDiffers
            return original(self, *args, **kwargs)

        monkeypatch.setattr(cls, method, checked)

    # The package's own suggestions fail on mappings with keys that are not texts.
    monkeypatch.setattr(rule_engine.engine, "suggest_symbol", lambda *_: None)
    for cls in (ast.GetItemExpression, ast.GetSliceExpression):
        noting(cls, "__init__", lambda _, args: args[1].result_type == ast.DataType.NULL)
        noting(cls, "evaluate", lambda self, args: self.container.evaluate(args[0]) is None)


def run_ours(rules: list[str], count: str) -> tuple[dict, list[dict]]:
    given = "".join(json.dumps(rule) + "\n" for rule in rules)
    program = str(Path(__file__).parent / "rule-lines.ts")
    done = subprocess.run(
        [os.environ["TWINPOST_BUN"], program, SEED, count], input=given, capture_output=True, text=True, check=True
    )
    scope, *lines = map(json.loads, done.stdout.splitlines())
    return scope, lines


def is_deliberate(line: dict) -> bool:
    """The reasons in DELIBERATE that random rules run into."""
    error = line.get("error", "")
    if "not a datetime" in error:
        return re.search(r"\d[\s_+]|[\s_+]\d", line["text"]) is not None
    return "not a usable regular expression" in error and "not supported" in error


def differences(scope: dict, lines: list[dict]) -> tuple[list[str], int, int]:
    different, compared, values = [], 0, 0
    for line in lines:
        try:
            theirs = evaluate(line["text"], scope)
        except ServiceDiffers:
            continue
        except Exception as error:
            compared += 1
            if "error" not in line:
                different.append(f"{line['text']}\n  ours {line['value']}\n  theirs {type(error).__name__} {error}")
            continue
        compared += 1
        values += 1
        if "error" in line or line["value"] != theirs:
            different.append(f"{line['text']}\n  ours {line.get('value', line.get('error'))}\n  theirs {theirs}")
    return different, compared, values


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_rules_made_at_random_come_to_what_rule_engine_makes_of_them():
    scope, lines = run_ours([], COUNT)
    different, compared, values = differences(scope, [line for line in lines if not is_deliberate(line)])
    assert not different, f"{len(different)} of {compared} differ:\n" + "\n".join(different[:40])
    assert compared > 0.85 * len(lines) and values > 0.4 * len(lines), (compared, values)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_examples_of_the_specification_come_to_what_rule_engine_makes_of_them():
    scope, lines = run_ours(list(EXAMPLES), "0")
    different, compared, _ = differences(scope, lines)
    assert not different, "\n".join(different)
    assert compared > len(EXAMPLES) - 5


@pytest.mark.parametrize("rule", DELIBERATE)
def test_what_differs_on_purpose_still_differs(rule):
    scope, lines = run_ours([rule], "0")
    different, _, _ = differences(scope, lines)
    assert different, f"no difference any more: {DELIBERATE[rule]}"
