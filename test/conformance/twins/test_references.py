"""Entries with values from elsewhere (2.8): references are copied within moments, includes are read through."""

import pytest

from conftest import (
    BAD_BODY,
    CONFLICT,
    FOREIGN,
    HOME,
    PERMIT_NOTHING,
    UNKNOWN,
    Client,
    errors_of,
    new_entries,
    new_person,
    new_twin,
    permit,
    soon,
)

TIMES = ("entry_created_ts", "entry_updated_ts", "value_changed_ts")


def reference(twin: str, name: str, account: str = HOME["account"]) -> dict:
    return {"ref": {"source": f"twin://{twin}/{account}/{name}"}}


def include(twin: str, name: str) -> dict:
    return {"include": {"source": f"twin://{twin}/{name}"}}


def entry(client: Client, twin: str, name: str = "a") -> dict:
    return client.get_twin_ledger_entry(twin, params={"entries": name}).ok()["entries"][name]


def put(client: Client, twin: str, name: str, **changes) -> dict:
    items = client.update_twin_ledger_entry(twin, body={"entries": {name: changes}}).ok()["entries"]
    assert errors_of(items) == {}
    return items[name]


def comes_to(client: Client, twin: str, status: str, value=None, name: str = "a") -> dict:
    """Waits until a reference has a status and a value, and returns it."""

    def look() -> bool:
        found = entry(client, twin, name)
        return (found["ref"]["status"], found["value"]) == (status, value)

    soon(look)
    return entry(client, twin, name)


@pytest.fixture
def twin(admin) -> str:
    return new_twin(admin)


@pytest.fixture
def source(admin) -> str:
    """A twin with an entry `pressure` to refer to."""
    source = new_twin(admin)
    new_entries(admin, source, pressure={"value": 5.2})
    return source


# --- References


def test_a_reference_is_not_found_until_it_is_copied(admin, twin, source):
    wish = reference(source, "pressure")
    added = new_entries(admin, twin, a={**wish, "history": "1M"})["a"]
    assert added == {
        "ref": {**wish["ref"], "status": "not_found"},
        "value": None,
        "visibility": None,
        "history": "1M",
        **{key: added[key] for key in TIMES},
    }
    copied = comes_to(admin, twin, "ok", 5.2)
    times = {"value_changed_ts": copied["value_changed_ts"]}
    assert copied == {**added, "ref": {**wish["ref"], "status": "ok"}, "value": 5.2, **times}
    assert copied["value_changed_ts"] > added["value_changed_ts"]
    assert admin.get_twin_ledger_entry_value(twin).ok()["entries"]["a"]["value"] == 5.2
    assert [*admin.get_twin_ledger_entry_history(twin).ok()["entries"]["a"].values()] == [5.2, None]


def test_a_reference_follows_its_source(admin, twin, source):
    new_entries(admin, twin, a=reference(source, "pressure"))
    comes_to(admin, twin, "ok", 5.2)
    put(admin, source, "pressure", value={"bar": 6})
    comes_to(admin, twin, "ok", {"bar": 6})
    admin.update_twin_ledger_entry_value(source, body={"entries": {"pressure": {"value": 7}}}).ok()
    comes_to(admin, twin, "ok", 7)
    admin.delete_twin_ledger_entry(source).ok()
    comes_to(admin, twin, "not_found", None)
    new_entries(admin, source, pressure={"value": 8})
    comes_to(admin, twin, "ok", 8)


def test_a_reference_waits_for_a_source_that_is_yet_to_come(admin, twin):
    source = new_twin(admin)
    new_entries(admin, twin, a=reference(source, "later"), b=reference(UNKNOWN, "never"))
    new_entries(admin, source, later={"value": 1})
    comes_to(admin, twin, "ok", 1)
    assert entry(admin, twin, "b")["ref"]["status"] == "not_found"


def test_a_reference_to_a_foreign_ledger_has_the_permissions_of_its_creator(admin, visitor, stranger):
    source, copy = new_twin(admin), new_twin(stranger)
    new_entries(admin, source, open={"value": 1, "visibility": "USER.profession == 'service'"}, closed={"value": 2})
    new_entries(visitor, copy, a=reference(source, "open"), b=reference(source, "closed"))
    # The super admin of the same account has a role without rules, which reaches no foreign ledger.
    new_entries(stranger, copy, c=reference(source, "open"))
    comes_to(visitor, copy, "ok", 1)
    assert [entry(visitor, copy, name)["ref"]["status"] for name in ("b", "c")] == ["not_found", "not_found"]
    put(admin, source, "closed", visibility="true")
    comes_to(visitor, copy, "ok", 2, "b")
    put(admin, source, "open", visibility=None)
    comes_to(visitor, copy, "not_found", None)


def test_a_reference_leads_to_another_ledger_of_the_same_twin(admin, visitor, stranger, twin):
    new_entries(admin, twin, a={"value": 1, "visibility": "true"})
    new_entries(visitor, twin, b=reference(twin, "a"))
    comes_to(visitor, twin, "ok", 1, "b")
    assert entry(stranger, twin, "b")["value"] == 1


def test_a_reference_copies_what_its_creator_may_read(admin, twin, source):
    blind = new_person(admin, permit("add_twin_ledger_entry")).client
    new_entries(blind, twin, a=reference(source, "pressure"))
    new_entries(admin, twin, b=reference(source, "pressure"))
    comes_to(admin, twin, "ok", 5.2, "b")
    assert entry(admin, twin)["ref"]["status"] == "not_found"


def test_references_follow_each_other(admin, source):
    twins = [source, *(new_twin(admin) for _ in range(3))]
    for before, after in zip(twins, twins[1:]):
        new_entries(admin, after, pressure=reference(before, "pressure"))
    comes_to(admin, twins[-1], "ok", 5.2, "pressure")
    put(admin, source, "pressure", value=6)
    comes_to(admin, twins[-1], "ok", 6, "pressure")


def test_references_in_a_circle_are_detected(admin):
    first, second = new_twin(admin), new_twin(admin)
    new_entries(admin, first, a=reference(second, "a"))
    new_entries(admin, second, a=reference(first, "a"))
    for twin in (first, second):
        comes_to(admin, twin, "loop_detected")


def test_too_many_references_after_each_other_are_detected(admin, source):
    twins = [source, *(new_twin(admin) for _ in range(10))]
    for before, after in zip(twins, twins[1:]):
        new_entries(admin, after, pressure=reference(before, "pressure"))
    comes_to(admin, twins[8], "ok", 5.2, "pressure")
    for twin in twins[9:]:
        comes_to(admin, twin, "too_many_hops", None, "pressure")


def test_a_reference_may_be_visible_wherever_its_visibility_stands(admin, visitor, twin, source):
    wish = reference(source, "pressure")
    nested = {"ref": {**wish["ref"], "visibility": "true"}}
    added = new_entries(admin, twin, a=nested, b={**wish, "visibility": "true"}, c=wish)
    assert [added[name]["visibility"] for name in "abc"] == ["true", "true", None]
    assert added["a"]["ref"] == {**wish["ref"], "status": "not_found"}
    comes_to(admin, twin, "ok", 5.2)
    comes_to(admin, twin, "ok", 5.2, "b")
    seen = visitor.get_twin_ledger_entry(twin, "owner").ok()["entries"]
    assert {name: item["value"] for name, item in seen.items()} == {"a": 5.2, "b": 5.2}
    assert put(admin, twin, "a", ref={"visibility": None})["visibility"] is None
    assert put(admin, twin, "c", ref={"visibility": "true"})["visibility"] == "true"


def test_a_reference_may_be_given_another_source(admin, twin, source):
    new_entries(admin, source, name={"value": "North"})
    before = new_entries(admin, twin, a=reference(source, "pressure"))["a"]
    comes_to(admin, twin, "ok", 5.2)
    changed = put(admin, twin, "a", **reference(source, "name"))
    assert changed["ref"]["source"] == reference(source, "name")["ref"]["source"]
    after = comes_to(admin, twin, "ok", "North")
    assert after["entry_created_ts"] == before["entry_created_ts"]
    put(admin, source, "pressure", value=0)
    assert entry(admin, twin) == after


def test_a_reference_ends_with_its_user_and_their_role(admin, twin, source):
    person = new_person(admin)
    new_entries(person.client, twin, a=reference(source, "pressure"))
    comes_to(admin, twin, "ok", 5.2)
    admin.update_user_role(person.role, body={"statement": PERMIT_NOTHING}).ok()
    put(admin, source, "pressure", value=6)
    comes_to(admin, twin, "not_found")


# --- Includes


def test_an_include_reads_another_ledger_of_the_account(admin, twin, source):
    wish = include(source, "pressure")
    added = new_entries(admin, twin, a=wish)["a"]
    changed = entry(admin, source, "pressure")["value_changed_ts"]
    assert added == {
        **wish,
        "value": 5.2,
        "visibility": None,
        "entry_created_ts": added["entry_created_ts"],
        "entry_updated_ts": added["entry_created_ts"],
        "value_changed_ts": changed,
    }
    assert entry(admin, twin) == added
    read = admin.get_twin_ledger_entry_value(twin).ok()["entries"]["a"]
    assert (read["value"], read["value_changed_ts"]) == (5.2, changed)


def test_an_include_shows_the_value_of_this_moment(admin, twin, source):
    new_entries(admin, twin, a=include(source, "pressure"))
    for value in (6, {"bar": 7}, None):
        changed = put(admin, source, "pressure", value=value)
        seen = entry(admin, twin)
        assert (seen["value"], seen["value_changed_ts"]) == (value, changed["value_changed_ts"])
    admin.delete_twin_ledger_entry(source).ok()
    assert entry(admin, twin)["value"] is None
    assert admin.delete_twin_ledger_entry(twin).ok()["entries"]["a"]["value"] is None


def test_an_include_of_nothing_is_null(admin, stranger, twin, source):
    items = new_entries(admin, twin, a=include(source, "nothing"))
    assert items["a"]["value"] is None
    new_entries(stranger, source, elsewhere={"value": 1, "visibility": "true"})
    assert new_entries(admin, twin, b=include(source, "elsewhere"))["b"]["value"] is None


def test_an_include_comes_to_what_a_reference_or_include_comes_to(admin, twin, source):
    middle = new_twin(admin)
    new_entries(admin, middle, copied=reference(source, "pressure"), through=include(source, "pressure"))
    comes_to(admin, middle, "ok", 5.2, "copied")
    added = new_entries(admin, twin, a=include(middle, "copied"), b=include(middle, "through"))
    assert (added["a"]["value"], added["b"]["value"]) == (5.2, 5.2)


def test_includes_in_a_circle_come_to_null(admin):
    first, second = new_twin(admin), new_twin(admin)
    new_entries(admin, first, a=include(second, "a"))
    new_entries(admin, second, a=include(first, "a"))
    assert entry(admin, first)["value"] is None


def test_an_include_may_be_visible_to_others(admin, visitor, twin, source):
    new_entries(admin, twin, a={**include(source, "pressure"), "visibility": "entry_value > 5"})
    seen = visitor.get_twin_ledger_entry(twin, "owner").ok()["entries"]
    assert seen["a"]["value"] == 5.2
    put(admin, source, "pressure", value=4)
    assert visitor.get_twin_ledger_entry(twin, "owner").ok() == {"entries": {}}


def test_an_include_may_be_given_another_source(admin, twin, source):
    new_entries(admin, source, name={"value": "North"})
    new_entries(admin, twin, a=include(source, "pressure"))
    assert put(admin, twin, "a", **include(source, "name"))["value"] == "North"


def test_an_include_has_no_history(admin, twin, source):
    added = new_entries(admin, twin, a={**include(source, "pressure"), "history": "1D"})["a"]
    assert "history" not in added
    assert admin.get_twin_ledger_entry_history(twin, params={"entries": "a"}).ok() == {"entries": {"a": {}}}


# --- Types


@pytest.mark.parametrize(
    "item",
    [
        {"ref": {}},
        {"ref": {"source": None}},
        {"ref": "twin://"},
        {"include": {}},
        {"include": None},
        {"value": 1, **reference(UNKNOWN, "a")},
        {"value": None, **include(UNKNOWN, "a")},
        {**reference(UNKNOWN, "a"), **include(UNKNOWN, "a")},
        include(UNKNOWN, f"{UNKNOWN}/a"),
        {"ref": include(UNKNOWN, "a")["include"]},
        reference("unknown", "a"),
        reference(UNKNOWN, "A"),
        reference(UNKNOWN, ""),
        reference(UNKNOWN, "a", "personal"),
        {"ref": {"source": f"https://{UNKNOWN}/{UNKNOWN}/a"}},
    ],
    ids=repr,
)
def test_an_entry_has_exactly_one_origin_of_its_value(admin, twin, item):
    admin.add_twin_ledger_entry(twin, body={"entries": {"a": item}}).refused(BAD_BODY)


def test_a_source_is_in_another_ledger(admin, twin):
    body = {"entries": {"a": reference(twin, "b"), "b": include(twin, "c"), "c": {"value": 1}}}
    items = admin.add_twin_ledger_entry(twin, body=body).ok(201)["entries"]
    assert errors_of(items) == {"a": "Invalid source.", "b": "Invalid source."}
    admin.add_twin_ledger_entry(twin, body={**body, "transaction": True}).refused(CONFLICT)


@pytest.mark.parametrize("kind", ["ref", "include"])
def test_only_the_value_of_a_value_entry_is_written(admin, twin, source, kind):
    wish = reference(source, "pressure") if kind == "ref" else include(source, "pressure")
    new_entries(admin, twin, a=wish)
    for update in (admin.update_twin_ledger_entry, admin.update_twin_ledger_entry_value):
        items = update(twin, body={"entries": {"a": {"value": 1}}}).ok()["entries"]
        assert errors_of(items) == {"a": "Entry value cannot be changed."}
    assert kind in entry(admin, twin)


def test_the_type_of_an_entry_stays(admin, twin, source):
    wishes = {"value": {"value": 1}, "ref": reference(source, "pressure"), "include": include(source, "pressure")}
    new_entries(admin, twin, **wishes)
    for name in wishes:
        for kind in ("ref", "include"):
            items = admin.update_twin_ledger_entry(twin, body={"entries": {name: wishes[kind]}}).ok()["entries"]
            assert errors_of(items) == ({} if kind == name else {name: "Entry type cannot be changed."})


def test_sources_are_shown_to_callers_who_see_the_entry(admin, visitor, twin, source):
    new_entries(admin, twin, a={**reference(source, "pressure"), "visibility": "true"})
    comes_to(admin, twin, "ok", 5.2)
    seen = visitor.get_twin_ledger_entry(twin, "owner").ok()["entries"]["a"]
    assert seen.keys() == {"ref", "value", *TIMES}
    assert seen["ref"] == {**reference(source, "pressure")["ref"], "status": "ok"}


def test_a_reference_from_a_foreign_account_takes_a_role_that_lets_it_through(stranger, admin, twin):
    new_entries(stranger, twin, a={"value": "foreign", "visibility": "true"})
    reader = new_person(admin, rules={"twin_rule": "true", "entry_rule": "ledger != null"}).client
    copy = new_twin(admin)
    new_entries(reader, copy, a=reference(twin, "a", FOREIGN["account"]))
    comes_to(admin, copy, "ok", "foreign")
