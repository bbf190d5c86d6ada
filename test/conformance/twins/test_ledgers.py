"""Ledgers (2.8): entries with values, and the features of all entries.

References and includes are in test_references.py, histories in test_history.py.
"""

import json

import pytest

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    CONFLICT,
    FORBIDDEN,
    FOREIGN,
    HOME,
    MALFORMED_UUIDS,
    NOT_FOUND,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNKNOWN,
    Client,
    assert_recent,
    at_once,
    errors_of,
    new_entries,
    new_twin,
    send,
)

RULE = "USER.profession == 'service'"
READING = {"value": 4821.7, "visibility": RULE, "history": "1M"}
TIMES = ("entry_created_ts", "entry_updated_ts", "value_changed_ts")
# Every kind of JSON value.
MOTLEY = [
    *(None, True, False, 0, -0.5, 1e300, 9007199254740991, "", "ü𝄞\u0000 \"'\\/", [], {}, [[[]]]),
    {"Any Key": 1, "": None, "__proto__": {"x": 1}, "entries": [{"error": "not one"}], "value": {}},
]
MALFORMED_ENTRIES = [
    *(None, 7, "text", [], {}, {"visibility": "true"}, {"value": 1, "visibility": 7}, {"value": 1, "publish": []}),
    *({"value": 1, "publish": {"topic": 7}}, {"value": 1, "timeseries": 7}, {"value": 1, "history": 7}),
]
GOOD_NAMES = ("a", "_", "reading", "a1_b", "a__b_", "_0", "9lives", "a-b", "__a-b-c_d", "a" * 128)
BAD_NAMES = ("", "A", "Reading", "a b", "a.b", "-a", "a-", "a--b", "ä", "a\n", "a/b", "a" * 129)
DURATIONS = ("1D", "2W", "1M", "10Y", "999D", "INF")
BAD_DURATIONS = ("", "0D", "1000D", "1", "M", "1m", "inf", "1H", "-1D", "1.5D", "01D", " 1D", "1D\n", "INFINITE")


@pytest.fixture
def twin(admin) -> str:
    return new_twin(admin)


def entries_of(client: Client, twin: str, ledger: str = "personal", **params) -> dict:
    return client.get_twin_ledger_entry(twin, ledger, params=params).ok()["entries"]


# --- add_twin_ledger_entry


def test_entries_are_added_with_all_attributes(admin, twin):
    answer = admin.add_twin_ledger_entry(twin, body={"entries": {"reading": READING, "battery": {"value": 93}}}).ok(201)
    now = answer["entry_created_ts"]
    assert_recent(now)
    times = dict.fromkeys(TIMES, now)
    assert answer == {
        **times,
        "entries": {"reading": {**READING, **times}, "battery": {"value": 93, "visibility": None, **times}},
    }
    assert admin.get_twin_ledger_entry(twin).ok() == answer


def test_entries_that_exist_are_refused_alone(admin, twin):
    before = new_entries(admin, twin, reading=READING, battery={"value": 93})
    again = {"entries": {"reading": {"value": 0}, "battery": {"value": 0}}}
    exists = {"error": "Entry already exists."}
    assert admin.add_twin_ledger_entry(twin, body=again).ok(201) == {"entries": {"reading": exists, "battery": exists}}
    again["entries"]["log"] = {"value": []}
    added = admin.add_twin_ledger_entry(twin, body=again).ok(201)
    assert errors_of(added["entries"]).keys() == {"reading", "battery"}
    assert {key: added[key] for key in TIMES} == {key: added["entries"]["log"][key] for key in TIMES}
    assert entries_of(admin, twin) == {**before, "log": added["entries"]["log"]}


def test_an_entry_is_added_once_by_many_at_the_same_moment(admin, twin):
    body = b'{"entries": {"a": {"value": 1}}}'
    answers = at_once(8, lambda: send("POST", f"/twins/{twin}/ledgers/personal", body, HOME["secret"]))
    assert sum(len(errors_of(answer.ok(201)["entries"])) for answer in answers) == 7


@pytest.mark.parametrize("value", MOTLEY, ids=repr)
def test_a_value_is_kept_as_it_was_given(admin, twin, value):
    assert new_entries(admin, twin, a={"value": value}, b={"value": [value]})["a"]["value"] == value
    assert entries_of(admin, twin)["b"]["value"] == [value]
    body = {"entries": {"a": {"value": {"x": value}}}}
    assert admin.update_twin_ledger_entry_value(twin, body=body).ok()["entries"]["a"]["value"] == {"x": value}
    read = admin.get_twin_ledger_entry_value(twin).ok()["entries"]
    assert (read["a"]["value"], read["b"]["value"]) == ({"x": value}, [value])


@pytest.mark.parametrize("properties", [{}, dict.fromkeys(("visibility", "history", "timeseries", "publish"))], ids=len)
def test_an_entry_has_defaults(admin, twin, properties):
    entry = new_entries(admin, twin, a={"value": 1, **properties})["a"]
    assert entry == {"value": 1, "visibility": None, **{key: entry[key] for key in TIMES}}


def test_an_entry_may_be_published(admin, twin):
    publish = {"pressure-{entry_name}": "new_value > 7", "all": "true"}
    assert new_entries(admin, twin, a={"value": 1, "publish": publish})["a"]["publish"] == publish
    assert entries_of(admin, twin)["a"]["publish"] == publish


@pytest.mark.parametrize(
    "item", [{"visibility": "USER."}, {"publish": {"topic": "1 +"}}, {"publish": {"{topic": "true"}}], ids=repr
)
def test_a_rule_that_does_not_compile_is_refused_alone(admin, twin, item):
    answer = admin.add_twin_ledger_entry(twin, body={"entries": {"bad": {"value": 1, **item}, "good": {"value": 1}}})
    assert errors_of(answer.ok(201)["entries"]) == {"bad": "Invalid rule."}
    answer = admin.update_twin_ledger_entry(twin, body={"entries": {"good": {"value": 2, **item}}})
    assert errors_of(answer.ok()["entries"]) == {"good": "Invalid rule."}
    assert {name: entry["value"] for name, entry in entries_of(admin, twin).items()} == {"good": 1}


def test_a_timeseries_table_has_to_exist(admin, twin):
    entries = {"bad": {"value": 1, "timeseries": {"visits": {}}}, "good": {"value": 1, "timeseries": {}}}
    added = admin.add_twin_ledger_entry(twin, body={"entries": entries}).ok(201)["entries"]
    assert errors_of(added).keys() == {"bad"}


@pytest.mark.parametrize("body", [None, {}, {"entries": None}, {"entries": []}, {"entries": "a"}], ids=repr)
def test_writing_takes_a_dictionary_of_entries(admin, twin, body):
    admin.add_twin_ledger_entry(twin, body=body).refused(BAD_BODY)
    admin.update_twin_ledger_entry(twin, body=body).refused(BAD_BODY)
    admin.update_twin_ledger_entry_value(twin, body=body).refused(BAD_BODY)


def test_a_dictionary_of_entries_may_be_empty(admin, twin):
    assert admin.add_twin_ledger_entry(twin, body={"entries": {}}).ok(201) == {"entries": {}}
    assert admin.update_twin_ledger_entry(twin, body={"entries": {}}).ok() == {"entries": {}}
    assert admin.update_twin_ledger_entry_value(twin, body={"entries": {}}).ok() == {"entries": {}}


@pytest.mark.parametrize("item", MALFORMED_ENTRIES, ids=repr)
def test_an_entry_has_a_shape(admin, twin, item):
    admin.add_twin_ledger_entry(twin, body={"entries": {"a": item, "b": {"value": 1}}}).refused(BAD_BODY)
    assert entries_of(admin, twin) == {}


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_of_an_entry_may_be_of_either_form(admin, twin, name):
    new_entries(admin, twin, **{name: {"value": 1}})
    assert entries_of(admin, twin, entries=name).keys() == {name}


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_name_of_an_entry_has_a_form(admin, twin, name):
    entries = {name: {"value": 1}, "good": {"value": 1}}
    admin.add_twin_ledger_entry(twin, body={"entries": entries}).refused(BAD_BODY)
    admin.update_twin_ledger_entry(twin, body={"entries": entries}).refused(BAD_BODY)
    admin.update_twin_ledger_entry_value(twin, body={"entries": entries}).refused(BAD_BODY)
    for ask in (
        *(admin.get_twin_ledger_entry, admin.get_twin_ledger_entry_value, admin.get_twin_ledger_entry_history),
        admin.delete_twin_ledger_entry,
    ):
        ask(twin, params={"entries": [name, "good"]}).refused(BAD_PARAMETER)
    assert entries_of(admin, twin) == {}


@pytest.mark.parametrize("duration", DURATIONS)
def test_a_history_is_a_duration(admin, twin, duration):
    assert new_entries(admin, twin, a={"value": 1, "history": duration})["a"]["history"] == duration
    new_entries(admin, twin, b={"value": 1})
    body = {"entries": {"b": {"history": duration}}}
    assert admin.update_twin_ledger_entry(twin, body=body).ok()["entries"]["b"]["history"] == duration


@pytest.mark.parametrize("duration", BAD_DURATIONS, ids=repr)
def test_a_duration_has_a_form(admin, twin, duration):
    entries = {"a": {"value": 1, "history": duration}}
    admin.add_twin_ledger_entry(twin, body={"entries": entries}).refused(BAD_BODY)
    admin.update_twin_ledger_entry(twin, body={"entries": entries}).refused(BAD_BODY)


# --- The ledger in the path


@pytest.mark.parametrize("ledger", ["personal", "owner", "creator", HOME["account"]])
def test_the_own_ledger_has_many_names(admin, twin, ledger):
    path = (twin, ledger)
    added = admin.add_twin_ledger_entry(*path, body={"entries": {"a": {"value": 1, "history": "1D"}}}).ok(201)
    assert admin.get_twin_ledger_entry(twin).ok() == added == admin.get_twin_ledger_entry(*path).ok()
    assert admin.get_twin_ledger_entry_value(*path).ok()["entries"]["a"]["value"] == 1
    for value, update in ((2, admin.update_twin_ledger_entry), (3, admin.update_twin_ledger_entry_value)):
        assert update(*path, body={"entries": {"a": {"value": value}}}).ok()["entries"]["a"]["value"] == value
    assert len(admin.get_twin_ledger_entry_history(*path).ok()["entries"]["a"]) == 3
    assert admin.delete_twin_ledger_entry(*path).ok()["entries"]["a"]["value"] == 3
    assert admin.get_twin_ledger_entry(*path).ok() == {"entries": {}}


def test_each_account_has_a_ledger_of_its_own_on_every_twin(admin, stranger, twin):
    new_entries(admin, twin, a={"value": "home"})
    new_entries(stranger, twin, a={"value": "foreign"})
    assert entries_of(admin, twin)["a"]["value"] == entries_of(admin, twin, "owner")["a"]["value"] == "home"
    assert entries_of(stranger, twin)["a"]["value"] == "foreign"


def test_a_terminated_twin_has_ledgers_like_any_other(admin, stranger, twin):
    admin.terminate_twin(twin).ok()
    for client in (admin, stranger):
        new_entries(client, twin, a={"value": 1})
        client.update_twin_ledger_entry_value(twin, body={"entries": {"a": {"value": 2}}}).ok()
        assert client.delete_twin_ledger_entry(twin).ok()["entries"]["a"]["value"] == 2


@pytest.mark.parametrize("ledger", ["owner", "creator", HOME["account"], UNKNOWN])
def test_a_foreign_ledger_is_not_written(admin, visitor, twin, ledger):
    before = new_entries(admin, twin, a={"value": 1, "visibility": "true"})
    body = {"entries": {"a": {"value": 2}}}
    visitor.add_twin_ledger_entry(twin, ledger, body=body).refused(FORBIDDEN)
    visitor.update_twin_ledger_entry(twin, ledger, body=body).refused(FORBIDDEN)
    visitor.update_twin_ledger_entry_value(twin, ledger, body=body).refused(FORBIDDEN)
    visitor.delete_twin_ledger_entry(twin, ledger).refused(FORBIDDEN)
    assert entries_of(admin, twin) == before


@pytest.mark.parametrize("ledger", ["owner", "creator", HOME["account"]])
def test_a_foreign_ledger_shows_what_is_visible_and_nothing_of_its_owners_wishes(admin, visitor, twin, ledger):
    publish = {"topic": "true"}
    own = new_entries(admin, twin, reading={**READING, "publish": publish}, battery={"value": 93})["reading"]
    times = {key: own[key] for key in TIMES}
    assert visitor.get_twin_ledger_entry(twin, ledger).ok() == {
        **times,
        "entries": {"reading": {"value": 4821.7, **times}},
    }
    values = visitor.get_twin_ledger_entry_value(twin, ledger).ok()
    assert values == {"entries": {"reading": {"value": 4821.7, **times}}}
    refused = {"error": "Entry not accessible."}
    for ask in (visitor.get_twin_ledger_entry, visitor.get_twin_ledger_entry_value):
        entries = ask(twin, ledger, params={"entries": "reading,battery,nothing"}).ok()["entries"]
        assert (entries["battery"], entries["nothing"]) == (refused, refused)
        assert entries["reading"]["value"] == 4821.7


def test_filters_do_nothing_to_a_foreign_ledger(admin, visitor, twin):
    new_entries(admin, twin, a={"value": 1, "visibility": "true"})
    for name in ("show_references", "show_public", "show_private"):
        assert entries_of(visitor, twin, "owner", **{name: False}).keys() == {"a"}


@pytest.mark.parametrize("ledger", ["owner", "creator", HOME["account"], UNKNOWN])
def test_a_role_without_rules_reads_nothing_of_a_foreign_ledger(admin, stranger, twin, ledger):
    new_entries(admin, twin, a={"value": 1, "visibility": "true", "history": "1D"})
    assert stranger.get_twin_ledger_entry(twin, ledger).ok() == {"entries": {}}
    assert stranger.get_twin_ledger_entry_value(twin, ledger).ok() == {"entries": {}}
    assert stranger.get_twin_ledger_entry_history(twin, ledger).ok() == {"entries": {}}
    refused = {"entries": {"a": {"error": "Entry not accessible."}}}
    assert stranger.get_twin_ledger_entry(twin, ledger, params={"entries": "a"}).ok() == refused


def every_ledger_operation(client: Client, twin: str, ledger: str) -> list:
    body = {"entries": {"a": {"value": 1}}}
    return [
        client.add_twin_ledger_entry(twin, ledger, body=body),
        client.get_twin_ledger_entry(twin, ledger),
        client.update_twin_ledger_entry(twin, ledger, body=body),
        client.get_twin_ledger_entry_value(twin, ledger),
        client.update_twin_ledger_entry_value(twin, ledger, body=body),
        client.get_twin_ledger_entry_history(twin, ledger),
        client.delete_twin_ledger_entry(twin, ledger),
    ]


@pytest.mark.parametrize("ledger", ["personal", "owner", "creator", HOME["account"], FOREIGN["account"]])
def test_an_unknown_twin_has_no_ledger(admin, ledger):
    for answer in every_ledger_operation(admin, UNKNOWN, ledger):
        answer.refused(NOT_FOUND)


@pytest.mark.parametrize("ledger", ["foreign", "Personal", "*", *MALFORMED_UUIDS])
def test_a_ledger_is_an_account_or_an_alias(admin, twin, ledger):
    for answer in every_ledger_operation(admin, twin, ledger):
        answer.refused(BAD_PARAMETER)


@pytest.mark.parametrize("id", MALFORMED_UUIDS)
def test_a_twin_with_a_ledger_has_an_id_of_a_form(admin, id):
    for answer in every_ledger_operation(admin, id, "personal"):
        answer.refused(BAD_PARAMETER)


def test_ledgers_are_for_the_authenticated(anonymous, twin):
    for answer in every_ledger_operation(anonymous, twin, "personal"):
        answer.refused(UNAUTHENTICATED)


# --- get_twin_ledger_entry and get_twin_ledger_entry_value


def test_a_ledger_without_entries_is_empty(admin, twin):
    assert admin.get_twin_ledger_entry(twin).ok() == {"entries": {}}
    assert admin.get_twin_ledger_entry_value(twin).ok() == {"entries": {}}


def test_values_are_read_without_properties(admin, twin):
    added = new_entries(admin, twin, reading=READING, battery={"value": 93})
    assert admin.get_twin_ledger_entry_value(twin).ok() == {
        "entries": {name: {key: entry[key] for key in ("value", *TIMES)} for name, entry in added.items()}
    }


@pytest.mark.parametrize("entries", [["a", "b"], "a,b", ["a,b"], ["a", "a,b", "b"]], ids=repr)
def test_entries_are_read_by_their_names(admin, twin, entries):
    added = new_entries(admin, twin, a={"value": 1}, b={"value": 2}, c={"value": 3})
    assert entries_of(admin, twin, entries=entries) == {name: added[name] for name in ("a", "b")}
    assert admin.get_twin_ledger_entry_value(twin, params={"entries": entries}).ok()["entries"].keys() == {"a", "b"}


def test_a_name_that_is_asked_for_and_does_not_exist_is_an_error_of_its_own(admin, twin):
    added = new_entries(admin, twin, a={"value": 1})
    for ask in (admin.get_twin_ledger_entry, admin.get_twin_ledger_entry_value):
        entries = ask(twin, params={"entries": ["a", "nothing"]}).ok()["entries"]
        assert entries["nothing"] == {"error": "Entry not accessible."}
        assert entries["a"]["value"] == added["a"]["value"]


@pytest.mark.parametrize(
    "query, names",
    [
        ({}, {"public", "private", "ref", "public_ref"}),
        ({"show_public": "False"}, {"private", "ref"}),
        ({"show_private": "0"}, {"public", "public_ref"}),
        ({"show_references": False}, {"public", "private"}),
        ({"show_references": False, "show_public": False}, {"private"}),
        ({"show_public": False, "show_private": False}, set()),
        ({"show_public": True, "show_private": "1", "show_references": "TRUE", "entries": "ref"}, {"ref"}),
        ({"entries": "public,ref", "show_references": False}, {"public"}),
    ],
    ids=repr,
)
def test_filters_choose_which_entries_of_the_own_ledger_are_read(admin, twin, query, names):
    ref = {"source": f"twin://{UNKNOWN}/{UNKNOWN}/a"}
    new_entries(admin, twin, public={"value": 1, "visibility": "false"}, private={"value": 1})
    new_entries(admin, twin, ref={"ref": ref}, public_ref={"ref": ref, "visibility": "true"})
    assert entries_of(admin, twin, **query).keys() == names


@pytest.mark.parametrize("name", ["show_references", "show_public", "show_private"])
def test_a_filter_of_entries_has_a_form(admin, twin, name):
    admin.get_twin_ledger_entry(twin, params={name: "yes"}).refused(BAD_PARAMETER)


# --- update_twin_ledger_entry


@pytest.mark.parametrize(
    "changes",
    [
        {"visibility": "true"},
        {"visibility": None},
        {"history": "INF"},
        {"publish": {"topic": "true"}},
        {"value": 1, "visibility": "true", "history": "2W"},
        {"value": None},
    ],
    ids=repr,
)
def test_an_update_changes_what_it_names_and_nothing_else(admin, twin, changes):
    before = new_entries(admin, twin, a=READING, b=READING)
    answer = admin.update_twin_ledger_entry(twin, body={"entries": {"a": changes}}).ok()
    after = answer["entries"]["a"]
    assert answer == {**{key: after[key] for key in TIMES}, "entries": {"a": after}}
    times = {key: after[key] for key in TIMES}
    assert after == {**before["a"], **changes, **times}
    assert times["entry_created_ts"] == before["a"]["entry_created_ts"]
    assert (times["value_changed_ts"] > before["a"]["value_changed_ts"]) == ("value" in changes)
    assert times["entry_updated_ts"] >= before["a"]["entry_updated_ts"]
    assert entries_of(admin, twin) == {"a": after, "b": before["b"]}


def test_null_resets_a_property_which_is_then_no_longer_answered(admin, twin):
    new_entries(admin, twin, a={**READING, "publish": {"topic": "true"}})
    nothing = {"visibility": None, "history": None, "publish": None, "timeseries": None}
    entry = admin.update_twin_ledger_entry(twin, body={"entries": {"a": nothing}}).ok()["entries"]["a"]
    assert entry == {"value": READING["value"], "visibility": None, **{key: entry[key] for key in TIMES}}
    assert entries_of(admin, twin) == {"a": entry}


@pytest.mark.parametrize(
    "before, same, other", [(1, 1.0, 2), ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, {"a": 1, "b": []}), ("x", "x", "X")]
)
def test_an_equal_value_is_no_change(admin, twin, before, same, other):
    first = new_entries(admin, twin, a={"value": before})["a"]["value_changed_ts"]
    for update in (admin.update_twin_ledger_entry, admin.update_twin_ledger_entry_value):
        assert update(twin, body={"entries": {"a": {"value": same}}}).ok()["entries"]["a"]["value_changed_ts"] == first
    second = admin.update_twin_ledger_entry(twin, body={"entries": {"a": {"value": other}}}).ok()["entries"]["a"]
    assert second["value_changed_ts"] > first


def test_an_entry_that_does_not_exist_is_not_updated(admin, twin):
    new_entries(admin, twin, a={"value": 1})
    body = {"entries": {"a": {"value": 2}, "nothing": {"value": 2}}}
    for update in (admin.update_twin_ledger_entry, admin.update_twin_ledger_entry_value):
        entries = update(twin, body=body).ok()["entries"]
        assert errors_of(entries) == {"nothing": "Entry not accessible."}
        assert entries["a"]["value"] == 2
    assert entries_of(admin, twin).keys() == {"a"}


# --- update_twin_ledger_entry_value


def test_an_update_of_values_changes_nothing_else(admin, twin):
    before = new_entries(admin, twin, reading=READING)["reading"]
    body = {"entries": {"reading": {"value": 4825.0, "visibility": None, "history": None}}}
    answer = admin.update_twin_ledger_entry_value(twin, body=body).ok()
    after = answer["entries"]["reading"]
    assert after == {**before, "value": 4825.0, "value_changed_ts": after["value_changed_ts"]}
    assert after["value_changed_ts"] > before["value_changed_ts"]
    assert entries_of(admin, twin)["reading"] == after


@pytest.mark.parametrize("item", [None, {}, {"visibility": "true"}, 7], ids=repr)
def test_an_update_of_values_takes_values(admin, twin, item):
    new_entries(admin, twin, a={"value": 1})
    admin.update_twin_ledger_entry_value(twin, body={"entries": {"a": item}}).refused(BAD_BODY)


# --- delete_twin_ledger_entry


@pytest.mark.parametrize("entries", [["a", "b"], "a,b"], ids=repr)
def test_deleted_entries_are_answered_as_they_were(admin, twin, entries):
    added = new_entries(admin, twin, a=READING, b={"value": 2}, c={"value": 3})
    deleted = admin.delete_twin_ledger_entry(twin, params={"entries": entries}).ok()
    assert deleted["entries"] == {name: added[name] for name in ("a", "b")}
    assert {key: deleted[key] for key in TIMES} == {key: added["a"][key] for key in TIMES}
    assert entries_of(admin, twin) == {"c": added["c"]}
    again = admin.delete_twin_ledger_entry(twin, params={"entries": entries}).ok()
    assert again == {"entries": dict.fromkeys(("a", "b"), {"error": "Entry not accessible."})}


def test_all_entries_are_deleted_if_none_is_named(admin, stranger, twin):
    added = new_entries(admin, twin, a=READING, b={"value": 2})
    kept = new_entries(stranger, twin, a={"value": 1})
    assert admin.delete_twin_ledger_entry(twin).ok()["entries"] == added
    assert admin.delete_twin_ledger_entry(twin).ok() == {"entries": {}}
    assert admin.get_twin_ledger_entry(twin).ok() == {"entries": {}}
    assert entries_of(stranger, twin) == kept


@pytest.mark.parametrize("value", ["", ","])
def test_no_name_is_not_every_name(admin, twin, value):
    added = new_entries(admin, twin, a={"value": 1})
    send("DELETE", f"/twins/{twin}/ledgers/personal?entries={value}", auth=HOME["secret"]).refused(BAD_PARAMETER)
    assert entries_of(admin, twin) == added


def test_the_name_of_a_deleted_entry_is_free_again_for_any_type(admin, twin):
    new_entries(admin, twin, a={"value": 1})
    admin.delete_twin_ledger_entry(twin).ok()
    new_entries(admin, twin, a={"include": {"source": f"twin://{new_twin(admin)}/a"}})


# --- conditions and transaction

WRITES = ("add", "update", "update_value", "delete")


def write(client: Client, how: str, twin: str, names: str, **options):
    """Writes the value 2 under some names, or deletes them."""
    if how == "delete":
        return client.delete_twin_ledger_entry(twin, params={"entries": names}, body=options)
    operation = {
        "add": client.add_twin_ledger_entry,
        "update": client.update_twin_ledger_entry,
        "update_value": client.update_twin_ledger_entry_value,
    }[how]
    return operation(twin, body={"entries": {name: {"value": 2} for name in names.split(",")}, **options})


def values_of(client: Client, twin: str) -> dict:
    return {name: entry["value"] for name, entry in entries_of(client, twin).items()}


@pytest.mark.parametrize("how", WRITES)
def test_an_entry_is_only_touched_if_its_condition_is_true(admin, twin, how):
    if how != "add":
        new_entries(admin, twin, yes={"value": 1}, no={"value": 1}, free={"value": 1})
    conditions = {"yes": "TWIN == null and account == '%s'" % HOME["account"], "no": "1 > 2", "nobodys": "1 > 2"}
    answer = write(admin, how, twin, "yes,no,free", conditions=conditions)
    assert errors_of(answer.ok(201 if how == "add" else 200)["entries"]) == {"no": "Condition not met."}
    before = {} if how == "add" else {"no": 1}
    assert values_of(admin, twin) == ({"no": 1} if how == "delete" else {**before, "yes": 2, "free": 2})


@pytest.mark.parametrize(
    "condition",
    [
        "value == 1",
        "value_changed_ts == {value_changed_ts}",
        "entry_created_ts == {entry_created_ts}",
        "entry_updated_ts == {entry_updated_ts}",
        "LEDGER.b == 'beside'",
        "TWIN.kind == 'meter'",
        "entry_name == 'a' and entry_value == 1",
        "ledger == account and twin != null",
    ],
)
@pytest.mark.parametrize("how", ["update", "update_value", "delete"])
def test_a_condition_sees_the_entry_as_it_is_stored(admin, how, condition):
    twin = new_twin(admin, description={"kind": "meter"})
    entry = new_entries(admin, twin, a={"value": 1}, b={"value": "beside"})["a"]
    rule = condition.format(**entry)
    assert errors_of(write(admin, how, twin, "a", conditions={"a": f"not ({rule})"}).ok()["entries"]).keys() == {"a"}
    assert errors_of(write(admin, how, twin, "a", conditions={"a": rule}).ok()["entries"]) == {}


def test_a_condition_sees_nulls_where_there_is_no_entry(admin, twin):
    names = ("value", "value_changed_ts", "entry_created_ts", "entry_updated_ts")
    rule = " and ".join(f"{name} == null" for name in names)
    assert errors_of(write(admin, "add", twin, "a", conditions={"a": rule}).ok(201)["entries"]) == {}


def test_one_of_many_writers_who_saw_the_same_value_wins(admin, twin):
    seen = new_entries(admin, twin, a={"value": 0})["a"]["value_changed_ts"]
    body = {"entries": {"a": {"value": 1}}, "conditions": {"a": f"value_changed_ts == {seen}"}}
    path = f"/twins/{twin}/ledgers/personal/value"
    answers = at_once(8, lambda: send("PATCH", path, json.dumps(body).encode(), HOME["secret"]))
    assert sum(len(errors_of(answer.ok()["entries"])) for answer in answers) == 7


@pytest.mark.parametrize("how", WRITES)
def test_a_condition_that_does_not_compile_is_refused_alone(admin, twin, how):
    if how != "add":
        new_entries(admin, twin, a={"value": 1}, b={"value": 1})
    answer = write(admin, how, twin, "a,b", conditions={"a": "value =="})
    assert errors_of(answer.ok(201 if how == "add" else 200)["entries"]) == {"a": "Invalid rule."}


@pytest.mark.parametrize("how", WRITES)
def test_a_transaction_changes_all_or_nothing(admin, twin, how):
    if how != "add":
        new_entries(admin, twin, a={"value": 1}, b={"value": 1}, c={"value": 1})
    before = entries_of(admin, twin)
    conditions = {"b": "1 > 2"}
    write(admin, how, twin, "a,b,c", conditions=conditions, transaction=True).refused(CONFLICT)
    assert entries_of(admin, twin) == before
    ok = 201 if how == "add" else 200
    assert errors_of(write(admin, how, twin, "a,b,c", transaction=True).ok(ok)["entries"]) == {}
    assert values_of(admin, twin) == ({} if how == "delete" else {"a": 2, "b": 2, "c": 2})


@pytest.mark.parametrize("how", WRITES)
@pytest.mark.parametrize("transaction", [False, None])
def test_without_a_transaction_each_entry_stands_alone(admin, twin, how, transaction):
    if how != "add":
        new_entries(admin, twin, a={"value": 1}, b={"value": 1})
    answer = write(admin, how, twin, "a,b", conditions={"a": "false"}, transaction=transaction)
    assert errors_of(answer.ok(201 if how == "add" else 200)["entries"]).keys() == {"a"}


def test_every_error_of_an_entry_undoes_a_transaction(admin, twin):
    before = new_entries(admin, twin, a={"value": 1})
    for item in ({"a": {"value": 2}}, {"b": {"value": 2, "visibility": "USER."}}):
        body = {"entries": {"c": {"value": 2}, **item}, "transaction": True}
        admin.add_twin_ledger_entry(twin, body=body).refused(CONFLICT)
    for item in ({"nothing": {"value": 2}}, {"a": {"visibility": "USER."}}):
        body = {"entries": {"a": {"value": 2}, **item}, "transaction": True}
        admin.update_twin_ledger_entry(twin, body=body).refused(CONFLICT)
    assert entries_of(admin, twin) == before


@pytest.mark.parametrize("how", WRITES)
@pytest.mark.parametrize(
    "options", [{"transaction": "true"}, {"transaction": 1}, {"conditions": []}, {"conditions": {"a": 7}}], ids=repr
)
def test_conditions_and_transaction_have_a_shape(admin, twin, how, options):
    write(admin, how, twin, "a", **options).refused(BAD_BODY)


# --- The size of a ledger

KILOBYTES_40 = "x" * 40_000


def test_a_ledger_has_at_most_64_kb(admin, stranger, twin):
    added = new_entries(admin, twin, large={"value": KILOBYTES_40}, small={"value": 1})
    larger = {"value": KILOBYTES_40}
    admin.add_twin_ledger_entry(twin, body={"entries": {"tiny": {"value": 1}, "b": larger}}).refused(TOO_LARGE)
    for update in (admin.update_twin_ledger_entry, admin.update_twin_ledger_entry_value):
        update(twin, body={"entries": {"small": larger}}).refused(TOO_LARGE)
    assert entries_of(admin, twin) == added
    new_entries(stranger, twin, b=larger)
    new_entries(admin, new_twin(admin), b=larger)
    admin.delete_twin_ledger_entry(twin, params={"entries": "large"}).ok()
    new_entries(admin, twin, b=larger)


def test_a_ledger_that_is_full_may_still_shrink_and_swap(admin, twin):
    new_entries(admin, twin, large={"value": KILOBYTES_40}, small={"value": 1})
    swap = {"entries": {"large": {"value": 1}, "small": {"value": KILOBYTES_40}}}
    assert errors_of(admin.update_twin_ledger_entry_value(twin, body=swap).ok()["entries"]) == {}
    assert entries_of(admin, twin)["small"]["value"] == KILOBYTES_40


def test_what_a_request_makes_too_large_is_undone_with_all_that_it_did(admin, twin):
    kept = {"value": 1, "history": "1D"}
    added = new_entries(admin, twin, large={"value": KILOBYTES_40}, a=kept, b=kept)
    changes = {"a": {"value": 2}, "b": {"value": "x" * 30_000, "visibility": "true"}}
    admin.update_twin_ledger_entry(twin, body={"entries": changes}).refused(TOO_LARGE)
    assert entries_of(admin, twin) == added
    history = admin.get_twin_ledger_entry_history(twin).ok()["entries"]
    assert [[*records.values()] for records in history.values()] == [[1], [1]]
