"""The histories of entries' values (2.9)."""

import json
import re

import pytest

from conftest import BAD_PARAMETER, HOME, NOT_FOUND, UNKNOWN, Client, new_entries, new_twin, send

# Decimal text without trailing zeros; a whole second has one, as Python writes it.
INSTANT = re.compile(r"\d+\.(0|\d{0,2}[1-9])")


def write(client: Client, twin: str, *values, name: str = "reading") -> list[float]:
    """Gives an entry one value after the other, and returns when each was recorded."""
    body = [{"entries": {name: {"value": value}}} for value in values]
    answers = [client.update_twin_ledger_entry_value(twin, body=item).ok() for item in body]
    return [answer["entries"][name]["value_changed_ts"] for answer in answers]


def history(client: Client, twin: str, ledger: str = "personal", **params) -> dict:
    answer = client.get_twin_ledger_entry_history(twin, ledger, params=params).ok()
    assert answer.keys() == {"entries"}
    for records in answer["entries"].values():
        assert records == "Entry not accessible." or all(INSTANT.fullmatch(key) for key in records), records
    return answer["entries"]


def records(client: Client, twin: str, name: str = "reading", **params) -> list:
    return [(float(key), value) for key, value in history(client, twin, entries=name, **params)[name].items()]


@pytest.fixture
def twin(admin) -> str:
    return new_twin(admin)


@pytest.fixture(scope="module")
def past(admin) -> tuple[str, list[float]]:
    """A twin whose entry has had the values 0 to 104, and when each was recorded."""
    twin = new_twin(admin)
    first = new_entries(admin, twin, reading={"value": 0, "history": "1M"})["reading"]["value_changed_ts"]
    return twin, [first, *write(admin, twin, *range(1, 105))]


def test_each_value_is_recorded_when_it_comes_the_first_one_too(admin, twin):
    first = new_entries(admin, twin, reading={"value": 4821.7, "history": "1M"})["reading"]["value_changed_ts"]
    assert records(admin, twin) == [(first, 4821.7)]
    second, third = write(admin, twin, 4825.0, {"m3": [1]})
    assert first < second < third
    assert records(admin, twin) == [(third, {"m3": [1]}), (second, 4825.0), (first, 4821.7)]


def test_what_changes_no_value_is_not_recorded(admin, twin):
    new_entries(admin, twin, reading={"value": 1, "history": "1M"})
    write(admin, twin, 1, 1.0)
    admin.update_twin_ledger_entry(twin, body={"entries": {"reading": {"visibility": "true", "history": "2M"}}}).ok()
    assert [value for _, value in records(admin, twin)] == [1]


def test_an_instant_of_change_is_a_key_and_never_comes_twice(admin, twin):
    new_entries(admin, twin, reading={"value": -1, "history": "INF"})
    instants = write(admin, twin, *range(50))
    assert instants == sorted(set(instants))
    assert [key for key, _ in records(admin, twin)][:50] == instants[::-1]


def test_all_entries_that_keep_a_history_are_answered_if_none_is_named(admin, twin):
    new_entries(admin, twin, a={"value": 1, "history": "1D"}, b={"value": 2, "history": "INF"}, c={"value": 3})
    assert {name: [*kept.values()] for name, kept in history(admin, twin).items()} == {"a": [1], "b": [2]}


@pytest.mark.parametrize("entries", [["a", "c", "nothing"], "a,c,nothing", ["a,c", "nothing"]], ids=repr)
def test_named_entries_are_answered_each_in_its_way(admin, twin, entries):
    new_entries(admin, twin, a={"value": 1, "history": "1D"}, b={"value": 2, "history": "1D"}, c={"value": 3})
    answer = history(admin, twin, entries=entries)
    assert answer == {"a": answer["a"], "c": {}, "nothing": "Entry not accessible."}
    assert [*answer["a"].values()] == [1]


def test_a_ledger_without_entries_has_no_history(admin, twin):
    assert history(admin, twin) == {}


def test_a_history_begins_with_the_value_of_that_moment(admin, twin):
    new_entries(admin, twin, reading={"value": 1})
    (changed,) = write(admin, twin, 2)
    admin.update_twin_ledger_entry(twin, body={"entries": {"reading": {"history": "1D"}}}).ok()
    assert records(admin, twin) == [(changed, 2)]


def test_a_history_that_ends_is_dropped(admin, twin):
    new_entries(admin, twin, reading={"value": 1, "history": "1D"})
    write(admin, twin, 2)
    admin.update_twin_ledger_entry(twin, body={"entries": {"reading": {"history": None}}}).ok()
    assert records(admin, twin) == []
    (changed,) = write(admin, twin, 3)
    admin.update_twin_ledger_entry(twin, body={"entries": {"reading": {"history": "1D"}}}).ok()
    assert records(admin, twin) == [(changed, 3)]


def test_a_history_ends_with_its_entry(admin, twin):
    new_entries(admin, twin, reading={"value": 1, "history": "1D"})
    admin.delete_twin_ledger_entry(twin).ok()
    assert history(admin, twin, entries="reading") == {"reading": "Entry not accessible."}
    new_entries(admin, twin, reading={"value": 2, "history": "1D"})
    assert [value for _, value in records(admin, twin)] == [2]


def test_a_whole_update_is_recorded_like_an_update_of_the_value(admin, twin):
    new_entries(admin, twin, reading={"value": 1, "history": "1D"})
    admin.update_twin_ledger_entry(twin, body={"entries": {"reading": {"value": 2, "history": "1W"}}}).ok()
    assert [value for _, value in records(admin, twin)] == [2, 1]


def test_100_records_are_answered_newest_first(admin, past):
    twin, instants = past
    assert records(admin, twin) == [(instants[value], value) for value in range(104, 4, -1)]


@pytest.mark.parametrize("limit", [1, 5, 105, 1000])
def test_a_limit_counts_the_records_of_each_entry(admin, past, limit):
    twin, instants = past
    assert records(admin, twin, limit=limit) == [*zip(instants, range(105))][::-1][:limit]


@pytest.mark.parametrize("ge, le", [(20, 80), (20, None), (None, 80), (50, 50), (80, 20)])
def test_bounds_are_inclusive(admin, past, ge, le):
    twin, instants = past
    bounds = {"ge": None if ge is None else instants[ge], "le": None if le is None else instants[le]}
    expected = [*zip(instants, range(105))][ge or 0 : 105 if le is None else le + 1]
    assert records(admin, twin, limit=1000, **bounds) == expected[::-1]


def test_bounds_and_limit_work_together(admin, past):
    twin, instants = past
    assert records(admin, twin, le=instants[80], limit=2) == [(instants[80], 80), (instants[79], 79)]


@pytest.mark.parametrize("bounds", [{"ge": 4102444800}, {"le": 1}, {"le": "1e3"}, {"ge": "4.1024448e9"}], ids=repr)
def test_bounds_may_leave_nothing(admin, past, bounds):
    assert records(admin, past[0], **bounds) == []


@pytest.mark.parametrize("bounds", [{"ge": 0}, {"ge": "0.5"}, {"le": "4102444800.1239"}], ids=repr)
def test_bounds_are_seconds_like_all_instants(admin, past, bounds):
    assert len(records(admin, past[0], limit=1000, **bounds)) == 105


@pytest.mark.parametrize("name", ["ge", "le"])
@pytest.mark.parametrize("value", ["", "now", "-1", "1,5", "0x10", "Infinity", "nan", "1e300", "2025-01-01"])
def test_a_bound_has_a_form(admin, past, name, value):
    admin.get_twin_ledger_entry_history(past[0], params={name: value}).refused(BAD_PARAMETER)


@pytest.mark.parametrize("limit", ["", 0, -1, 1001, "ten", "1.5"])
def test_a_limit_is_1_to_1000(admin, past, limit):
    admin.get_twin_ledger_entry_history(past[0], params={"limit": limit}).refused(BAD_PARAMETER)


def test_an_unknown_twin_has_no_history(admin):
    admin.get_twin_ledger_entry_history(UNKNOWN).refused(NOT_FOUND)


def test_1000_records_of_an_entry_are_kept(admin, twin):
    new_entries(admin, twin, reading={"value": -1, "history": "INF"})
    path = f"/twins/{twin}/ledgers/personal/value"
    for value in range(1005):
        send("PATCH", path, json.dumps({"entries": {"reading": {"value": value}}}).encode(), HOME["secret"]).ok()
    assert [value for _, value in records(admin, twin, limit=1000)] == [*range(1004, 4, -1)]


@pytest.mark.parametrize("ledger", ["owner", "creator", HOME["account"]])
def test_a_history_is_visible_to_whom_its_entry_is(admin, visitor, twin, ledger):
    service = {"visibility": "USER.profession == 'service'", "history": "1D"}
    new_entries(admin, twin, a={"value": 1, **service}, b={"value": 2, "history": "1D"}, c={"value": 3, **service})
    write(admin, twin, 4, name="c")
    seen = history(visitor, twin, ledger)
    assert {name: [*kept.values()] for name, kept in seen.items()} == {"a": [1], "c": [4, 3]}
    named = history(visitor, twin, ledger, entries="a,b,nothing")
    assert named == {"a": seen["a"], "b": "Entry not accessible.", "nothing": "Entry not accessible."}
