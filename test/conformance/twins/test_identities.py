"""Identities (2.7): outside names of twins."""

import time

import pytest

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    BAD_RULE,
    FOREIGN,
    HOME,
    LET_ALL,
    MALFORMED_UUIDS,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNKNOWN,
    Client,
    assert_recent,
    at_once,
    errors_of,
    new_identities,
    new_person,
    new_twin,
    send,
)

TOMORROW = round(time.time()) + 86_400.5
YESTERDAY = round(time.time()) - 86_400.5
RULE = "USER.profession == 'service'"

NAMES = ("RFID#8f02-77c1", "a#b", "_#_", "A1234567#=+-_", "GS1#" + "9" * 128)
MALFORMED_NAMES = (
    *("RFID", "#8f02", "RFID#", "RFID#a#b", "9FID#a", "ABCDEFGHI#a", "RF-ID#a", "RFID#ä", "RFID#a b", "RFID#a.b"),
    *("RFID#a/b", "RFID#a\n", "RFID#" + "9" * 129, "RFID%23a", ""),
)


@pytest.fixture
def twin(admin) -> str:
    return new_twin(admin)


@pytest.fixture(scope="module")
def reader(admin) -> Client:
    """A user of the home account whose role also permits identities of other accounts."""
    return new_person(admin, rules=LET_ALL).client


# --- create_twin_identity


def test_identities_are_created_with_all_attributes(admin, twin):
    body = {"identities": {"RFID#8f02-77c1": {"validity_ts": TOMORROW, "visibility": RULE}, "NFC#55aa10": {}}}
    created = admin.create_twin_identity(twin, body=body).ok(201)
    assert created.keys() == {"identities"}
    assert created["identities"].keys() == body["identities"].keys()
    for name, wish in body["identities"].items():
        identity = created["identities"][name]
        made = identity["creation_certificate"]["created_ts"]
        assert_recent(made)
        assert identity == {
            "validity_ts": wish.get("validity_ts"),
            "visibility": wish.get("visibility"),
            "updated_ts": made,
            "creation_certificate": {"created_ts": made, "creator": HOME["account"], "identity": name},
        }
        assert admin.get_twin_identity(twin, name).ok() == identity


@pytest.mark.parametrize("item", [None, {}, {"validity_ts": None, "visibility": None}, {"unknown": 1}], ids=repr)
def test_an_identity_is_created_from_nothing(admin, twin, item):
    identity = new_identities(admin, twin, x1=item)["RFID#x1"]
    assert (identity["validity_ts"], identity["visibility"]) == (None, None)


def test_an_identity_that_exists_is_refused_alone(admin, twin):
    before = new_identities(admin, twin, old={"validity_ts": TOMORROW})["RFID#old"]
    items = new_identities(admin, twin, old={"validity_ts": YESTERDAY}, new={})
    assert items["RFID#old"] == {"error": "Identity already exists."}
    assert errors_of(items).keys() == {"RFID#old"}
    assert admin.get_twin_identity(twin, "RFID#old").ok() == before
    admin.get_twin_identity(twin, "RFID#new").ok()


def test_a_name_is_given_once_by_many_at_the_same_moment(admin, twin):
    body = b'{"identities": {"RFID#x1": {}}}'
    answers = at_once(8, lambda: send("POST", f"/twins/{twin}/identities", body, HOME["secret"]))
    assert sum(len(errors_of(answer.ok(201)["identities"])) for answer in answers) == 7


def test_a_name_belongs_to_one_account_and_one_twin(admin, stranger, twin):
    other = new_twin(admin)
    for client, id in ((admin, twin), (admin, other), (stranger, twin)):
        assert errors_of(new_identities(client, id, x1={})) == {}
    assert stranger.get_twin_identity(twin, "RFID#x1").ok()["creation_certificate"]["creator"] == FOREIGN["account"]


def test_every_account_names_a_twin_of_any_account_alive_or_terminated(admin, stranger, twin):
    admin.terminate_twin(twin).ok()
    for client in (admin, stranger):
        assert errors_of(new_identities(client, twin, x1={})) == {}
        client.delete_twin_identity(twin, "RFID#x1").ok()


def test_a_visibility_that_does_not_compile_is_refused_alone(admin, twin):
    items = new_identities(admin, twin, bad={"visibility": "USER.profession =="}, good={})
    assert errors_of(items) == {"RFID#bad": "Invalid rule."}
    admin.get_twin_identity(twin, "RFID#bad").refused(NOT_FOUND)
    admin.get_twin_identity(twin, "RFID#good").ok()


@pytest.mark.parametrize(
    "body",
    [
        *(None, {}, {"identities": None}, {"identities": ["RFID#x1"]}, {"identities": "RFID#x1"}),
        *({"identities": {"RFID#x1": item}} for item in ("", 7, [], {"validity_ts": "soon"}, {"visibility": 7})),
    ],
    ids=repr,
)
def test_new_identities_have_a_shape(admin, twin, body):
    admin.create_twin_identity(twin, body=body).refused(BAD_BODY)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_be_all_that_its_form_allows(admin, twin, name):
    created = admin.create_twin_identity(twin, body={"identities": {name: None}}).ok(201)["identities"][name]
    assert admin.get_twin_identity(twin, name).ok() == created
    assert twin in admin.resolve_twin_identity(name).ok()["twins"]


@pytest.mark.parametrize("name", MALFORMED_NAMES, ids=repr)
def test_a_name_has_a_form(admin, twin, name):
    admin.create_twin_identity(twin, body={"identities": {name: {}, "RFID#good": {}}}).refused(BAD_BODY)
    assert admin.get_twin_identities(twin).ok() == {"identities": {}}
    if name:
        admin.get_twin_identity(twin, name).refused(BAD_PARAMETER)
        admin.update_twin_identity(twin, name).refused(BAD_PARAMETER)
        admin.delete_twin_identity(twin, name).refused(BAD_PARAMETER)
        admin.resolve_twin_identity(name).refused(BAD_PARAMETER)


# --- get_, update_ and delete_twin_identity


def test_an_update_changes_what_it_names_and_nothing_else(admin, twin):
    before = new_identities(admin, twin, x1={"validity_ts": TOMORROW, "visibility": RULE})["RFID#x1"]
    for changes in ({"validity_ts": None}, {"visibility": None}, {"validity_ts": YESTERDAY}, {"visibility": "true"}):
        after = admin.update_twin_identity(twin, "RFID#x1", body=changes).ok()
        assert after == {**before, **changes, "updated_ts": after["updated_ts"]}
        assert after["updated_ts"] >= before["updated_ts"]
        assert admin.get_twin_identity(twin, "RFID#x1").ok() == after
        before = after


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_an_empty_update_of_an_identity_changes_nothing(admin, twin, body):
    before = new_identities(admin, twin, x1={"validity_ts": TOMORROW, "visibility": RULE})["RFID#x1"]
    assert admin.update_twin_identity(twin, "RFID#x1", body=body).ok() == before


@pytest.mark.parametrize(
    "changes, refusal",
    [({"visibility": "USER."}, BAD_RULE), ({"visibility": 7}, BAD_BODY), ({"validity_ts": "soon"}, BAD_BODY)],
    ids=repr,
)
def test_an_update_of_an_identity_has_a_shape(admin, twin, changes, refusal):
    before = new_identities(admin, twin, x1={})["RFID#x1"]
    admin.update_twin_identity(twin, "RFID#x1", body={"validity_ts": TOMORROW, **changes}).refused(refusal)
    assert admin.get_twin_identity(twin, "RFID#x1").ok() == before


def test_a_deleted_identity_is_answered_once_more_and_then_gone(admin, twin):
    identity = new_identities(admin, twin, x1={"visibility": "true"})["RFID#x1"]
    assert admin.delete_twin_identity(twin, "RFID#x1").ok() == identity
    for answer in (
        admin.get_twin_identity(twin, "RFID#x1"),
        admin.update_twin_identity(twin, "RFID#x1", body={"visibility": None}),
        admin.delete_twin_identity(twin, "RFID#x1"),
    ):
        answer.refused(NOT_FOUND)
    assert admin.get_twin_identities(twin).ok() == {"identities": {}}
    assert admin.resolve_twin_identity("RFID#x1").ok()["twins"].count(twin) == 0
    assert errors_of(new_identities(admin, twin, x1={})) == {}


def test_an_identity_of_another_account_looks_like_one_that_does_not_exist(admin, visitor, twin):
    new_identities(admin, twin, x1={"visibility": "true"})
    for ask in (visitor.get_twin_identity, visitor.update_twin_identity, visitor.delete_twin_identity):
        assert ask(twin, "RFID#x1").refused(NOT_FOUND) == ask(twin, "RFID#x2").refused(NOT_FOUND)
    admin.get_twin_identity(twin, "RFID#x1").ok()


def test_an_expired_identity_is_still_its_accounts(admin, twin):
    expired = new_identities(admin, twin, x1={"validity_ts": YESTERDAY})["RFID#x1"]
    assert admin.get_twin_identity(twin, "RFID#x1").ok() == expired
    assert admin.update_twin_identity(twin, "RFID#x1", body={"validity_ts": None}).ok()["validity_ts"] is None


def test_an_unknown_twin_has_no_identities(admin):
    for answer in (
        admin.create_twin_identity(UNKNOWN, body={"identities": {"RFID#x1": {}}}),
        admin.get_twin_identities(UNKNOWN),
        admin.get_twin_identity(UNKNOWN, "RFID#x1"),
        admin.update_twin_identity(UNKNOWN, "RFID#x1"),
        admin.delete_twin_identity(UNKNOWN, "RFID#x1"),
    ):
        answer.refused(NOT_FOUND)


@pytest.mark.parametrize("id", MALFORMED_UUIDS)
def test_a_twin_with_identities_has_an_id_of_a_form(admin, id):
    admin.create_twin_identity(id, body={"identities": {"RFID#x1": {}}}).refused(BAD_PARAMETER)
    admin.get_twin_identities(id).refused(BAD_PARAMETER)
    admin.get_twin_identity(id, "RFID#x1").refused(BAD_PARAMETER)


def test_identities_are_for_the_authenticated(anonymous, twin):
    anonymous.get_twin_identities(twin).refused(UNAUTHENTICATED)
    anonymous.resolve_twin_identity("RFID#x1").refused(UNAUTHENTICATED)


# --- get_twin_identities


def test_identities_are_listed_with_some_of_their_attributes(admin, twin):
    identity = new_identities(admin, twin, x1={"validity_ts": TOMORROW, "visibility": RULE})["RFID#x1"]
    times = {"created_ts": identity["creation_certificate"]["created_ts"], "updated_ts": identity["updated_ts"]}
    assert admin.get_twin_identities(twin).ok() == {"identities": {"RFID#x1": {"validity_ts": TOMORROW, **times}}}


@pytest.fixture(scope="module")
def crowd(admin, stranger) -> str:
    """A twin with identities of two accounts, distinguished by their names."""
    twin = new_twin(admin)
    for client, whose in ((admin, "own"), (stranger, "foreign")):
        for visible, visibility in (("public", "true"), ("private", None)):
            for valid, validity_ts in (("valid", None), ("valid_until_tomorrow", TOMORROW), ("expired", YESTERDAY)):
                name = f"{whose}-{visible}-{valid}"
                new_identities(client, twin, **{name: {"visibility": visibility, "validity_ts": validity_ts}})
    new_identities(stranger, twin, **{"foreign-hidden-valid": {"visibility": "USER.profession == 'unknown'"}})
    return twin


VALID = ("valid", "valid_until_tomorrow")


def listed(whose: list[str], visible: tuple = ("public", "private"), valid: tuple = VALID) -> set[str]:
    """The names of the crowd's identities; private ones of other accounts are never shown."""
    return {
        f"RFID#{who}-{how}-{when}"
        for who in whose
        for how in visible
        for when in valid
        if (who, how) != ("foreign", "private")
    }


@pytest.mark.parametrize(
    "query, names",
    [
        ({}, listed(["own"])),
        ({"show_expired": True}, listed(["own"], valid=(*VALID, "expired"))),
        ({"show_valid": False}, set()),
        ({"show_valid": False, "show_expired": True}, listed(["own"], valid=("expired",))),
        ({"show_personal": False}, set()),
        ({"show_public": False}, listed(["own"], ("private",))),
        ({"show_private": False}, listed(["own"], ("public",))),
        ({"show_public": False, "show_private": False}, set()),
        ({"show_foreign": True}, listed(["own", "foreign"])),
        ({"show_foreign": "1", "show_personal": "0"}, listed(["foreign"])),
        ({"show_foreign": FOREIGN["account"]}, listed(["own", "foreign"])),
        ({"show_foreign": FOREIGN["account"], "show_personal": "false"}, listed(["foreign"])),
        ({"show_foreign": HOME["account"], "show_personal": "false"}, set()),
        ({"show_foreign": UNKNOWN}, listed(["own"])),
        ({"show_foreign": True, "show_public": False}, listed(["own"], ("private",))),
        ({"show_foreign": True, "show_private": False}, listed(["own", "foreign"], ("public",))),
        ({"show_foreign": True, "show_expired": True}, listed(["own", "foreign"], valid=(*VALID, "expired"))),
    ],
    ids=repr,
)
def test_filters_choose_which_identities_are_listed(reader, crowd, query, names):
    assert reader.get_twin_identities(crowd, params=query).ok()["identities"].keys() == names


def test_foreign_identities_take_a_role_that_lets_them_through(admin, crowd):
    assert admin.get_twin_identities(crowd, params={"show_foreign": True}).ok()["identities"].keys() == listed(["own"])


def test_of_two_identities_with_one_name_the_own_one_is_listed(admin, visitor, twin):
    new_identities(admin, twin, x1={"visibility": "true", "validity_ts": TOMORROW})
    params = {"show_foreign": True}
    assert visitor.get_twin_identities(twin, params=params).ok()["identities"]["RFID#x1"]["validity_ts"] == TOMORROW
    new_identities(visitor, twin, x1={"validity_ts": TOMORROW + 60})
    mine = visitor.get_twin_identities(twin, params=params).ok()["identities"]["RFID#x1"]
    assert mine["validity_ts"] == TOMORROW + 60


@pytest.mark.parametrize("name", ["expired", "valid", "personal", "foreign", "public", "private"])
def test_a_filter_of_identities_has_a_form(admin, twin, name):
    admin.get_twin_identities(twin, params={f"show_{name}": "yes"}).refused(BAD_PARAMETER)


# --- resolve_twin_identity


def test_a_name_leads_to_all_twins_that_the_account_gave_it(admin, stranger):
    twins = [new_twin(admin), new_twin(admin), new_twin(stranger)]
    for id in twins:
        new_identities(admin, id, shared={})
    assert admin.resolve_twin_identity("RFID#shared").ok() == {"twins": twins}
    assert admin.resolve_twin_identity("RFID#shared", params={"details": "false"}).ok() == {"twins": twins}
    details = admin.resolve_twin_identity("RFID#shared", params={"details": True}).ok()
    assert details == {"twins": [admin.get_twin(id).ok() for id in twins]}


def test_a_name_that_leads_nowhere_is_answered_with_an_empty_list(admin):
    for params in (None, {"details": True}, {"context": "system"}, {"context": UNKNOWN}):
        assert admin.resolve_twin_identity("RFID#nobodys", params=params).ok() == {"twins": []}


def test_an_expired_name_leads_nowhere(admin, twin):
    new_identities(admin, twin, over={"validity_ts": YESTERDAY})
    assert admin.resolve_twin_identity("RFID#over").ok() == {"twins": []}
    admin.update_twin_identity(twin, "RFID#over", body={"validity_ts": TOMORROW}).ok()
    assert admin.resolve_twin_identity("RFID#over").ok() == {"twins": [twin]}


def test_a_name_leads_to_a_terminated_twin_too(admin, twin):
    new_identities(admin, twin, ended={})
    admin.terminate_twin(twin).ok()
    assert admin.resolve_twin_identity("RFID#ended").ok() == {"twins": [twin]}


@pytest.fixture(scope="module")
def namesakes(admin, stranger) -> dict[str, str]:
    """Twins with one name, distinguished by their account and who can see them."""
    twins = {key: new_twin(admin) for key in ("own", "public", "private", "for service")}
    new_identities(admin, twins["own"], context={})
    new_identities(stranger, twins["public"], context={"visibility": "true"})
    new_identities(stranger, twins["private"], context={})
    new_identities(stranger, twins["for service"], context={"visibility": RULE})
    return twins


BOTH = f"{HOME['account']},{FOREIGN['account']}"


@pytest.mark.parametrize(
    "context, found",
    [
        (None, {"own"}),
        ("personal", {"own"}),
        ("system", {"own", "public"}),
        (HOME["account"], {"own"}),
        (FOREIGN["account"], {"public"}),
        ([HOME["account"], FOREIGN["account"]], {"own", "public"}),
        (BOTH, {"own", "public"}),
        ([BOTH, UNKNOWN], {"own", "public"}),
        (UNKNOWN, set()),
    ],
    ids=repr,
)
def test_a_context_selects_the_accounts_of_identities(reader, namesakes, context, found):
    twins = reader.resolve_twin_identity("RFID#context", params={"context": context}).ok()["twins"]
    assert (len(twins), set(twins)) == (len(found), {namesakes[key] for key in found})


def test_a_foreign_identity_is_resolved_for_the_callers_that_its_visibility_permits(stranger, visitor, admin):
    twin = new_twin(admin)
    new_identities(admin, twin, guarded={"visibility": RULE})
    system = {"context": "system"}
    assert visitor.resolve_twin_identity("RFID#guarded", params=system).ok() == {"twins": [twin]}
    assert stranger.resolve_twin_identity("RFID#guarded", params=system).ok() == {"twins": []}


@pytest.mark.parametrize(
    "context", ["", "foreign", "PERSONAL", f"personal,{UNKNOWN}", "system,personal", f"{UNKNOWN},"]
)
def test_a_context_has_a_form(admin, context):
    admin.resolve_twin_identity("RFID#x1", params={"context": context}).refused(BAD_PARAMETER)


def test_whether_details_are_wanted_is_true_or_false(admin):
    admin.resolve_twin_identity("RFID#x1", params={"details": "yes"}).refused(BAD_PARAMETER)
