"""What rules permit (1.11, 2.13): those of roles (2.5), visibilities, and `match` of a scan (2.6)."""

import base64
import json
import uuid

import pytest

from conftest import (
    BAD_BODY,
    BAD_RULE,
    FORBIDDEN,
    FOREIGN,
    HOME,
    LET_ALL,
    NOT_FOUND,
    Client,
    errors_of,
    new_entries,
    new_identities,
    new_person,
    new_role,
    new_twin,
    send,
)

NO_RULES = {"twin_rule": None, "identity_rule": None, "entry_rule": None}
KINDS = ("twin", "identity", "entry")


def person(admin: Client, description: dict | None = None, **rules: str) -> Client:
    """A user of the admin's account, whose role has these rules."""
    long = {f"{kind}_rule": rule for kind, rule in rules.items()}
    return new_person(admin, rules=long, description=description).client


def ids_of(scanner: Client, **params) -> list[str]:
    """All items of a scan, from all its pages."""
    found, cursor = [], ""
    while cursor is not None:
        page = scanner.scan_twins(params={"count": 1000, **params, "cursor": cursor}).ok()
        found += [twin if isinstance(twin, str) else twin["creation_certificate"]["uuid"] for twin in page["twins"]]
        cursor = page["cursor"]
    return found


# --- Rules as they are stored with a role


def test_rules_are_answered_as_they_were_given(admin):
    rules = {"twin_rule": "TWIN.company == USER.company", "identity_rule": None, "entry_rule": "true # all"}
    role = admin.create_user_role(body={"rules": rules}).ok(201)
    assert role["rules"] == rules
    assert admin.get_user_role(role["uuid"]).ok() == role


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_may_be_spelled_short_and_is_answered_long(admin, kind):
    role = admin.create_user_role(body={"rules": {kind: "1 == 1"}}).ok(201)
    assert role["rules"] == {**NO_RULES, f"{kind}_rule": "1 == 1"}
    assert admin.update_user_role(role["uuid"], body={"rules": {kind: None}}).ok()["rules"] == NO_RULES


def test_an_update_changes_the_rules_that_it_names(admin):
    role = new_role(admin, rules=LET_ALL)
    for changes in ({"twin_rule": "false"}, {"entry": None}, {}, {"identity_rule": None, "twin": "1 == 1"}):
        before = admin.get_user_role(role).ok()["rules"]
        long = {key if key.endswith("_rule") else f"{key}_rule": rule for key, rule in changes.items()}
        assert admin.update_user_role(role, body={"rules": changes}).ok()["rules"] == {**before, **long}


def test_a_rule_that_does_not_compile_changes_nothing(admin):
    role = admin.get_user_role(new_role(admin, rules=LET_ALL)).ok()
    body = {"name": "Plumber", "rules": {"twin_rule": "false", "entry_rule": "entry_name ==="}}
    admin.update_user_role(role["uuid"], body=body).refused(BAD_RULE)
    assert admin.get_user_role(role["uuid"]).ok() == role


def test_a_rule_has_at_most_4096_characters(admin):
    longest = "'" + "𝄞" * 4094 + "'"
    assert admin.create_user_role(body={"rules": {"twin_rule": longest}}).ok(201)["rules"]["twin_rule"] == longest
    admin.create_user_role(body={"rules": {"twin_rule": f"{longest} "}}).refused(BAD_BODY)


def test_a_changed_rule_counts_from_the_next_request_on(admin):
    user = new_person(admin)
    twin = new_twin(admin)
    for rule, status in (("false", 404), ("true", 200), ("1 > 2", 404), (None, 200)):
        admin.update_user_role(user.role, body={"rules": {"twin_rule": rule}}).ok()
        assert user.client.get_twin(twin).status == status


def test_a_user_cannot_give_a_role_without_their_own_rule(admin):
    rules = {"twin_rule": "TWIN.site == 'north'"}
    bound = new_person(admin, rules=rules)
    for theirs in (None, {"twin_rule": "true"}, {"entry_rule": "true"}):
        bound.client.create_user_role(body={"rules": theirs}).refused(FORBIDDEN)
    bound.client.update_user_role(bound.role, body={"rules": {"twin_rule": None}}).refused(FORBIDDEN)
    new_role(bound.client, rules={**rules, "entry_rule": "false"})


# --- twin_rule


@pytest.fixture(scope="module")
def meters(admin) -> dict[str, str]:
    """Twins of the home account, distinguished by their companies."""
    twins = {company: new_twin(admin, description={"company": company}) for company in ("acme", "blue")}
    for twin in twins.values():
        new_entries(admin, twin, a={"value": 1, "visibility": "true", "history": "1D"})
        new_identities(admin, twin, metered={"visibility": "true"})
    return twins


@pytest.fixture(scope="module")
def acme(admin) -> Client:
    """A user of the home account who is limited to twins of their own company."""
    return person(admin, {"company": "acme"}, twin="TWIN.company == USER.company")


@pytest.fixture(scope="module")
def acme_abroad(stranger) -> Client:
    """A user of the other account who is limited to twins of their own company."""
    rule = "TWIN.company == USER.company"
    return person(stranger, {"company": "acme"}, twin=rule, identity="true", entry="true")


def everything_about(twin: str, client: Client) -> list:
    body = {"entries": {"x": {"value": 1}}}
    return [
        client.get_twin(twin),
        client.create_twin_identity(twin, body={"identities": {}}),
        client.get_twin_identities(twin),
        client.get_twin_identity(twin, "RFID#metered"),
        client.update_twin_identity(twin, "RFID#metered", body={"validity_ts": None}),
        client.get_twin_ledger_entry(twin),
        client.add_twin_ledger_entry(twin, body=body),
        client.update_twin_ledger_entry(twin, body=body),
        client.get_twin_ledger_entry_value(twin),
        client.update_twin_ledger_entry_value(twin, body=body),
        client.get_twin_ledger_entry_history(twin),
        client.delete_twin_ledger_entry(twin, params={"entries": "x"}),
        client.update_twin(twin, body={"description": {"company": "acme"}}),
    ]


def test_a_twin_rule_holds_users_to_some_twins_of_their_own_account(acme, meters):
    for answer in everything_about(meters["acme"], acme):
        assert answer.status in (200, 201), answer
    for answer in [*everything_about(meters["blue"], acme), acme.terminate_twin(meters["blue"])]:
        answer.refused(NOT_FOUND)


def test_a_twin_rule_holds_users_to_some_twins_of_other_accounts(acme_abroad, meters):
    acme_abroad.get_twin(meters["acme"]).ok()
    acme_abroad.get_twin(meters["blue"]).refused(NOT_FOUND)
    assert acme_abroad.get_twin_ledger_entry(meters["acme"], "owner").ok()["entries"]["a"]["value"] == 1
    acme_abroad.get_twin_ledger_entry(meters["blue"], "owner").refused(NOT_FOUND)


def test_a_scan_lists_whole_twins_that_are_visible_and_ids_of_all(admin, acme, meters):
    whole, ids = ids_of(acme, details=True), ids_of(acme)
    assert meters["acme"] in whole and meters["blue"] not in whole
    assert {*meters.values()} <= {*ids}
    assert {*meters.values()} <= {*ids_of(admin, details=True)}


def test_a_name_leads_to_whole_twins_that_are_visible_and_to_ids_of_all(acme, acme_abroad, meters):
    for client, context in ((acme, "personal"), (acme_abroad, HOME["account"])):
        ids = client.resolve_twin_identity("RFID#metered", params={"context": context}).ok()["twins"]
        whole = client.resolve_twin_identity("RFID#metered", params={"context": context, "details": True}).ok()["twins"]
        assert ids == [*meters.values()]
        assert [twin["creation_certificate"]["uuid"] for twin in whole] == [meters["acme"]]


def test_a_user_cannot_create_a_twin_that_their_role_hides(acme):
    acme.create_twin(body={"description": {"company": "blue"}}).refused(FORBIDDEN)
    twin = new_twin(acme, description={"company": "acme"})
    acme.update_twin(twin, body={"description": {"company": "blue"}}).refused(FORBIDDEN)
    assert acme.get_twin(twin).ok()["description"] == {"company": "acme"}


def test_what_is_missing_on_both_sides_is_equal(admin, acme):
    unattached = person(admin, twin="TWIN.company == USER.company")
    twin = new_twin(admin)
    unattached.get_twin(twin).ok()
    acme.get_twin(twin).refused(NOT_FOUND)


@pytest.mark.parametrize(
    "rule, holds",
    [
        ("account == '%s'" % HOME["account"], True),
        ("account == '%s'" % FOREIGN["account"], False),
        ("twin =~ '[0-9a-f-]{36}$'", True),
        ("USER.company == 'acme'", True),
        ("TWIN.size.height > 3 and TWIN['kind'] in ['meter', 'valve']", True),
        ("LEDGER.serial == 7 and LEDGER.nothing == null", True),
        ("now > 1700000000 and now < 4000000000 and $now > d'2020-01-01'", True),
        ("DICT == null and DICT.tenant == null and SECRET == null", True),
        ("identity == null and ledger == null and entry_name == null and entry_value == null", True),
        ("unheard_of == null", True),
        ("true", True),
        ("null", False),
        ("TWIN.kind", True),
        ("TWIN.nothing", False),
        ("TWIN.kind > 3", False),
        ("TWIN.kind > 3 or true", False),
        ("LEDGER.serial / 0 == 1", False),
    ],
)
def test_a_rule_sees_variables_and_what_fails_is_false(admin, rule, holds):
    twin = new_twin(admin, description={"kind": "meter", "size": {"height": 3.5}})
    new_entries(admin, twin, serial={"value": 7})
    assert person(admin, {"company": "acme"}, twin=rule).get_twin(twin).status == (200 if holds else 404)


def test_a_twin_rule_sees_the_ledger_of_the_caller(admin, stranger):
    twin = new_twin(admin)
    new_entries(admin, twin, serial={"value": 7, "visibility": "true"})
    abroad = person(stranger, twin="LEDGER.serial == 7")
    abroad.get_twin(twin).refused(NOT_FOUND)
    new_entries(stranger, twin, serial={"value": 7})
    abroad.get_twin(twin).ok()


# --- identity_rule


def test_an_identity_rule_holds_users_to_some_identities_of_their_own_account(admin):
    twin = new_twin(admin)
    new_identities(admin, twin, front={}, back={})
    front = person(admin, identity="identity == 'RFID#front'")
    assert front.get_twin_identities(twin).ok()["identities"].keys() == {"RFID#front"}
    front.get_twin_identity(twin, "RFID#front").ok()
    for ask in (front.get_twin_identity, front.update_twin_identity, front.delete_twin_identity):
        ask(twin, "RFID#back").refused(NOT_FOUND)
    assert twin in front.resolve_twin_identity("RFID#front").ok()["twins"]
    assert twin not in front.resolve_twin_identity("RFID#back").ok()["twins"]
    assert errors_of(new_identities(front, twin, side={}, back={})).keys() == {"RFID#side", "RFID#back"}
    assert admin.get_twin_identities(twin).ok()["identities"].keys() == {"RFID#front", "RFID#back"}


def test_foreign_identities_take_both_a_visibility_and_a_rule_of_the_role(admin, stranger):
    twin = new_twin(admin)
    visible = {"visibility": "true"}
    names = {"front": visible, "back": visible, "private": {}, "hidden": {"visibility": "false"}}
    new_identities(admin, twin, **names)
    params = {"show_foreign": True}
    for rule, seen in ((None, set()), ("true", {"front", "back"}), ("identity == 'RFID#front'", {"front"})):
        client = person(stranger, **({"identity": rule} if rule else {}))
        assert client.get_twin_identities(twin, params=params).ok()["identities"].keys() == {f"RFID#{n}" for n in seen}
        for name in names:
            found = client.resolve_twin_identity(f"RFID#{name}", params={"context": "system"}).ok()["twins"]
            assert (twin in found) == (name in seen)


@pytest.mark.parametrize(
    "visibility, holds",
    [
        ("identity =~ 'RFID#' and account == '%s'" % FOREIGN["account"], True),
        ("USER.company == 'acme' and TWIN.kind == 'meter'", True),
        ("LEDGER.serial == 7", True),
        ("entry_name == null and DICT == null", True),
        ("account == '%s'" % HOME["account"], False),
        ("USER.company > 3", False),
    ],
)
def test_a_visibility_of_an_identity_sees_its_reader_and_the_ledger_of_its_creator(admin, stranger, visibility, holds):
    twin = new_twin(admin, description={"kind": "meter"})
    new_entries(admin, twin, serial={"value": 7})
    new_identities(admin, twin, x1={"visibility": visibility})
    reader = person(stranger, {"company": "acme"}, identity="true")
    identities = reader.get_twin_identities(twin, params={"show_foreign": True}).ok()["identities"]
    assert identities.keys() == ({"RFID#x1"} if holds else set())
    admin.get_twin_identity(twin, "RFID#x1").ok()


# --- entry_rule


def test_an_entry_rule_holds_users_to_some_entries_of_their_own_account(admin):
    twin = new_twin(admin)
    new_entries(admin, twin, a={"value": 1, "history": "1D"}, b={"value": 2, "history": "1D"})
    only_a = person(admin, entry="entry_name == 'a'")
    refused = {"error": "Entry not accessible."}
    assert only_a.get_twin_ledger_entry(twin).ok()["entries"].keys() == {"a"}
    assert only_a.get_twin_ledger_entry_value(twin).ok()["entries"].keys() == {"a"}
    assert only_a.get_twin_ledger_entry_history(twin).ok()["entries"].keys() == {"a"}
    params = {"entries": "b"}
    assert only_a.get_twin_ledger_entry(twin, params=params).ok()["entries"] == {"b": refused}
    assert only_a.get_twin_ledger_entry_value(twin, params=params).ok()["entries"] == {"b": refused}
    assert only_a.get_twin_ledger_entry_history(twin, params=params).ok()["entries"] == {"b": refused["error"]}
    changes = {"entries": {"a": {"value": 3}, "b": {"value": 3}}}
    for update in (only_a.update_twin_ledger_entry, only_a.update_twin_ledger_entry_value):
        assert update(twin, body=changes).ok()["entries"]["b"] == refused
    added = only_a.add_twin_ledger_entry(twin, body={"entries": {"c": {"value": 1}}}).ok(201)["entries"]
    assert added == {"c": refused}
    assert only_a.delete_twin_ledger_entry(twin, params=params).ok()["entries"] == {"b": refused}
    assert only_a.delete_twin_ledger_entry(twin).ok()["entries"].keys() == {"a"}
    assert {name: item["value"] for name, item in admin.get_twin_ledger_entry(twin).ok()["entries"].items()} == {"b": 2}


def test_an_entry_rule_sees_the_ledger_and_the_entry(admin):
    twin = new_twin(admin, description={"kind": "cat"})
    new_entries(admin, twin, public={"value": ["a", "b"]}, a={"value": 1}, b={"value": 2}, c={"value": 3})
    rules = {
        'TWIN.kind == "cat" and entry_name in LEDGER.public': {"a", "b"},
        "entry_value > 1": {"b", "c"},
        "ledger == account and entry_value == 3 and identity == null": {"c"},
    }
    for rule, names in rules.items():
        assert person(admin, entry=rule).get_twin_ledger_entry(twin).ok()["entries"].keys() == names


@pytest.mark.parametrize(
    "rules, names",
    [
        ({}, set()),
        ({"twin": "true"}, set()),
        ({"entry": "true"}, set()),
        ({"twin": "true", "entry": "false"}, set()),
        ({"twin": "true", "entry": "true"}, {"a", "b"}),
        ({"twin": "true", "entry": "entry_name == 'a'"}, {"a"}),
        ({"twin": "true", "entry": "entry_value == 2"}, {"b"}),
        ({"twin": "true", "entry": "LEDGER.hidden == null and LEDGER.a == 1"}, {"a", "b"}),
    ],
    ids=repr,
)
def test_foreign_entries_take_a_visibility_and_both_rules_of_the_role(admin, stranger, rules, names):
    twin = new_twin(admin)
    visible = {"visibility": "true"}
    new_entries(admin, twin, a={"value": 1, **visible}, b={"value": 2, **visible}, hidden={"value": 3})
    reader = person(stranger, **rules)
    for ledger in ("owner", "creator", HOME["account"]):
        assert reader.get_twin_ledger_entry(twin, ledger).ok()["entries"].keys() == names


def test_a_foreign_ledger_of_an_own_twin_takes_no_twin_rule(admin, stranger):
    twin = new_twin(admin)
    new_entries(stranger, twin, a={"value": 1, "visibility": "true"})
    reader = person(admin, entry="true")
    assert reader.get_twin_ledger_entry(twin, FOREIGN["account"]).ok()["entries"]["a"]["value"] == 1
    assert admin.get_twin_ledger_entry(twin, FOREIGN["account"]).ok() == {"entries": {}}


@pytest.mark.parametrize(
    "visibility, holds",
    [
        ("account == '%s' and ledger == '%s'" % (FOREIGN["account"], HOME["account"]), True),
        ("entry_name == 'a' and entry_value.bar > 5", True),
        ("USER.company == 'acme' and TWIN.kind == 'meter'", True),
        ("LEDGER.secret == 7 and LEDGER.a.bar == 5.2", True),
        ("now > 1700000000 and twin != null", True),
        ("USER.nothing == 'x'", False),
        ("entry_value > 5", False),
        ("false", False),
    ],
)
def test_a_visibility_of_an_entry_sees_its_reader_and_its_ledger(admin, stranger, visibility, holds):
    twin = new_twin(admin, description={"kind": "meter"})
    new_entries(admin, twin, a={"value": {"bar": 5.2}, "visibility": visibility}, secret={"value": 7})
    reader = person(stranger, {"company": "acme"}, twin="true", entry="true")
    assert reader.get_twin_ledger_entry(twin, "owner").ok()["entries"].keys() == ({"a"} if holds else set())
    assert admin.get_twin_ledger_entry(twin).ok()["entries"].keys() == {"a", "secret"}


# --- DICT and SECRET


@pytest.fixture(scope="module")
def tenant(admin) -> str:
    """The secret of a user who is limited to twins of the tenant that each request names."""
    return new_person(admin, rules={"twin_rule": "TWIN.tenant == DICT.tenant"}).secret


def test_a_rule_sees_the_dictionary_of_the_request(admin, tenant):
    twin = new_twin(admin, description={"tenant": "nörth"})
    Client(tenant).get_twin(twin).refused(NOT_FOUND)
    Client(tenant, {"tenant": "south"}).get_twin(twin).refused(NOT_FOUND)
    Client(tenant, {"tenant": "nörth", "serial": "b0f-7781"}).get_twin(twin).ok()
    Client(tenant).get_twin(twin, dictionary={"tenant": "nörth"}).ok()
    Client(tenant, {"tenant": "nörth"}).get_twin(twin, dictionary={"tenant": "south"}).refused(NOT_FOUND)


def test_a_dictionary_counts_when_something_is_written(admin, tenant):
    north = Client(tenant, {"tenant": "north"})
    twin = new_twin(north, description={"tenant": "north"})
    north.create_twin(body={"description": {"tenant": "south"}}).refused(FORBIDDEN)
    new_entries(north, twin, a={"value": 1})
    Client(tenant, {}).add_twin_ledger_entry(twin, body={"entries": {"b": {"value": 1}}}).refused(NOT_FOUND)
    condition = {"a": "DICT.tenant == 'north'"}
    changed = north.update_twin_ledger_entry_value(twin, body={"entries": {"a": {"value": 2}}, "conditions": condition})
    assert changed.ok()["entries"]["a"]["value"] == 2


def test_a_visibility_sees_the_dictionary_of_its_reader(admin, stranger):
    twin = new_twin(admin)
    new_entries(admin, twin, a={"value": 1, "visibility": "DICT.codes[1] == 'open'"})
    new_identities(admin, twin, dict={"visibility": "DICT.codes != null"})
    secret = new_person(stranger, rules=LET_ALL).secret
    for dictionary, seen in ((None, False), ({"codes": ["x", "open"]}, True)):
        reader = Client(secret, dictionary)
        assert (reader.get_twin_ledger_entry(twin, "owner").ok()["entries"] != {}) == seen
        found = reader.resolve_twin_identity("RFID#dict", params={"context": "system"}).ok()["twins"]
        assert (twin in found) == seen


def test_a_dictionary_of_any_json_reaches_rules(admin):
    rule = "DICT._ == null and DICT.n == 1.5 and DICT.list.length == 2 and DICT.sub['Any Key'] == true"
    secret = new_person(admin, rules={"twin_rule": rule}).secret
    twin = new_twin(admin)
    dictionary = {"_": None, "n": 1.5, "list": [1, {}], "sub": {"Any Key": True}}
    Client(secret, dictionary).get_twin(twin).ok()
    header = base64.b64encode(json.dumps(dictionary, ensure_ascii=False).encode()).decode()
    send("GET", f"/twins/{twin}", auth=secret, headers={"X-TrustedTwin": header}).ok()


def test_a_rule_sees_the_secret_dictionary_of_the_token(admin):
    user = new_person(admin, rules={"twin_rule": "TWIN.tenant == SECRET.tenant"})
    twin = new_twin(admin, description={"tenant": "north"})

    def token(maker: Client, **body) -> Client:
        return Client(maker.create_user_token(body=body).ok(201)["token"])

    user.client.get_twin(twin).refused(NOT_FOUND)
    token(user.client).get_twin(twin).refused(NOT_FOUND)
    token(user.client, secret_dict={"tenant": "south"}).get_twin(twin).refused(NOT_FOUND)
    north = token(user.client, secret_dict={"tenant": "north"}, options=["refresh"])
    north.get_twin(twin).ok()
    assert errors_of(new_entries(north, twin, a={"value": 1})) == {}
    assert Client(north.refresh_user_token(body={"validity_ts": None}).ok(201)["token"]).get_twin(twin).ok()
    # Callers cannot set the part of the dictionary that belongs to the token.
    Client(user.secret, {"tenant": "north", "secret": {"tenant": "north"}}).get_twin(twin).refused(NOT_FOUND)


def test_a_visibility_sees_the_secret_dictionary_of_its_reader(admin, stranger):
    twin = new_twin(admin)
    new_entries(admin, twin, a={"value": 1, "visibility": "SECRET.level > 2"})
    maker = new_person(stranger, rules=LET_ALL).client
    for level, names in ((2, set()), (3, {"a"})):
        reader = Client(maker.create_user_token(body={"secret_dict": {"level": level}}).ok(201)["token"])
        assert reader.get_twin_ledger_entry(twin, "owner").ok()["entries"].keys() == names


# --- match


@pytest.fixture(scope="module")
def batch(admin) -> tuple[str, list[str]]:
    """Twins with serial numbers 0 to 5 in the ledger, the last without, and a rule that matches them all."""
    mark = str(uuid.uuid4())
    twins = [new_twin(admin, description={"batch": mark, "number": number}) for number in range(7)]
    for number, twin in enumerate(twins[:6]):
        new_entries(admin, twin, serial={"value": number})
    return f"TWIN.batch == '{mark}'", twins


@pytest.mark.parametrize(
    "rule, numbers",
    [
        ("LEDGER.serial > 3", [4, 5]),
        ("LEDGER.serial == null", [6]),
        ("LEDGER.serial in [1, 3] or TWIN.number == 6", [1, 3, 6]),
        ("TWIN.number % 2 == 0 and account == ledger", [0, 2, 4, 6]),
        ("entry_name == null and twin != null and now > 0", [0, 1, 2, 3, 4, 5, 6]),
        ("DICT.floor == 2", [0, 1, 2, 3, 4, 5, 6]),
        ("DICT.floor != 2", []),
    ],
)
def test_a_scan_lists_twins_that_match(batch, rule, numbers):
    all_of_them, twins = batch
    client = Client(HOME["secret"], {"floor": 2})
    expected = [twins[number] for number in numbers]
    assert ids_of(client, match=f"{all_of_them} and ({rule})") == expected
    assert ids_of(client, match=f"{all_of_them} and ({rule})", details=True) == expected


def test_a_match_with_details_answers_whole_twins(admin, batch):
    rule, twins = batch
    found, cursor = [], ""
    while cursor is not None:
        page = admin.scan_twins(params={"match": rule, "details": True, "cursor": cursor}).ok()
        found, cursor = found + page["twins"], page["cursor"]
    assert found == [admin.get_twin(twin).ok() for twin in twins]


def test_pages_of_a_match_hold_at_most_count_and_follow_each_other(admin, batch):
    rule, twins = batch
    found, cursor = [], ""
    while cursor is not None:
        page = admin.scan_twins(params={"match": rule, "count": 2, "cursor": cursor}).ok()
        assert len(page["twins"]) <= 2
        found, cursor = found + page["twins"], page["cursor"]
    assert found == twins


def test_a_match_lists_no_twins_of_other_accounts(stranger, batch):
    assert ids_of(stranger, match=batch[0]) == []


def test_a_match_with_details_lists_visible_twins_alone(admin, batch):
    rule, twins = batch
    some = person(admin, twin="TWIN.number < 2")
    assert ids_of(some, match=rule, details=True) == twins[:2]


def test_a_match_sees_the_user_and_not_the_secret_dictionary(admin, batch):
    # The holder of a token must not learn its secret dictionary by trial queries.
    rule, twins = batch
    user = new_person(admin, description={"number": 3}).client
    assert ids_of(user, match=f"{rule} and TWIN.number == USER.number") == [twins[3]]
    token = Client(user.create_user_token(body={"secret_dict": {"number": 4}}).ok(201)["token"])
    assert ids_of(token, match=f"{rule} and TWIN.number == SECRET.number") == []
    assert ids_of(token, match=f"{rule} and SECRET == null") == twins


@pytest.mark.parametrize("rule", ["LEDGER.serial >", "(", "1 === 1", "$nothing", "'" + "x" * 4095 + "'", " "], ids=len)
def test_a_match_is_a_rule(admin, rule):
    for details in (True, False):
        admin.scan_twins(params={"match": rule, "details": details}).refused(BAD_RULE)
