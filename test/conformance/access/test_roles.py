"""Roles (2.5), and what their statements permit (section 3)."""

import pytest
from trustedtwin.tt_endpoints import ENDPOINTS

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    BAD_RULE,
    BUILT,
    CONFLICT,
    FORBIDDEN,
    FOREIGN,
    GOVERNED,
    HOME,
    MALFORMED_NAMES,
    MALFORMED_UUIDS,
    NOT_FOUND,
    OPEN,
    PERMIT_EVERYTHING,
    PERMIT_NOTHING,
    UNKNOWN,
    UUID,
    Client,
    Person,
    assert_recent,
    call_somehow,
    new_person,
    new_role,
    new_user,
    permit,
)

NO_RULES = {"twin_rule": None, "identity_rule": None, "entry_rule": None}
LEGACY_ACTIONS = ["update_timeseries_access", "update_indexes_access"]
BAD_STATEMENTS = [
    {},
    {"effect": "allow"},
    {"actions": ["get_twin"]},
    {"effect": "permit", "actions": []},
    {"effect": None, "actions": []},
    {"effect": "allow", "actions": "get_twin"},
    {"effect": "allow", "actions": ["get_twins"]},
    {"effect": "allow", "actions": ["GET_TWIN"]},
    {"effect": "allow", "actions": ["*"]},
    {"effect": "allow", "actions": [None]},
    "allow",
    ["allow", []],
]


def test_a_role_is_created_with_all_attributes(admin):
    body = {"name": "Contractor", "statement": permit("get_stickers", "remove_sticker"), "rules": NO_RULES}
    role = admin.create_user_role(body=body).ok(201)
    assert UUID.fullmatch(role["uuid"])
    assert_recent(role["created_ts"], role["updated_ts"])
    times = {key: role[key] for key in ("created_ts", "updated_ts")}
    assert role == {**body, "uuid": role["uuid"], "account": HOME["account"], **times}
    assert admin.get_user_role(role["uuid"]).ok() == role


@pytest.mark.parametrize("body", [None, {}, {"statement": None, "rules": None}], ids=repr)
def test_a_role_has_defaults(admin, body):
    role = admin.create_user_role(body=body).ok(201)
    assert role["name"] == "User Role Name"
    assert role["statement"] == {"effect": "deny", "actions": None}
    assert role["rules"] == NO_RULES


@pytest.mark.parametrize("name", MALFORMED_NAMES, ids=repr)
def test_a_name_of_a_role_has_a_form(admin, name):
    admin.create_user_role(body={"name": name}).refused(BAD_BODY)
    admin.update_user_role(new_role(admin), body={"name": name}).refused(BAD_BODY)


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize("actions", [None, [], ["get_twin"], ["get_twin", "who_am_i", "scan_twins"]], ids=repr)
def test_a_statement_is_answered_as_it_was_given(admin, effect, actions):
    statement = {"effect": effect, "actions": actions}
    role = admin.create_user_role(body={"statement": statement}).ok(201)
    assert role["statement"] == statement
    assert admin.update_user_role(new_role(admin), body={"statement": statement}).ok()["statement"] == statement


def test_a_statement_drops_duplicates(admin):
    role = admin.create_user_role(body={"statement": permit("get_twin", "scan_twins", "get_twin")}).ok(201)
    assert role["statement"]["actions"] == ["get_twin", "scan_twins"]


def test_a_statement_may_name_every_operation_of_the_vendor(admin):
    actions = [*ENDPOINTS, *LEGACY_ACTIONS]
    assert admin.create_user_role(body={"statement": permit(*actions)}).ok(201)["statement"]["actions"] == actions


@pytest.mark.parametrize("statement", BAD_STATEMENTS, ids=repr)
def test_a_statement_has_a_grammar(admin, statement):
    admin.create_user_role(body={"statement": statement}).refused(BAD_BODY)
    admin.update_user_role(new_role(admin), body={"statement": statement}).refused(BAD_BODY)


@pytest.mark.parametrize("rules", [{}, NO_RULES, {"twin": None, "identity": None, "entry": None}], ids=repr)
def test_a_role_without_rules_answers_three_nulls(admin, rules):
    assert admin.create_user_role(body={"rules": rules}).ok(201)["rules"] == NO_RULES
    assert admin.update_user_role(new_role(admin), body={"rules": rules}).ok()["rules"] == NO_RULES


@pytest.mark.parametrize("name", [*NO_RULES, "twin", "identity", "entry"])
def test_a_rule_that_does_not_compile_is_refused(admin, name):
    rules = {name: "TWIN.company =="}
    admin.create_user_role(body={"rules": rules}).refused(BAD_RULE)
    admin.update_user_role(new_role(admin), body={"rules": rules}).refused(BAD_RULE)


@pytest.mark.parametrize("rules", ["TWIN.a == 1", [], {"twin_rule": 7}], ids=repr)
def test_rules_have_a_shape(admin, rules):
    admin.create_user_role(body={"rules": rules}).refused(BAD_BODY)


def test_roles_are_listed_with_some_of_their_attributes(admin):
    role = admin.get_user_role(new_role(admin, name="Contractor")).ok()
    listed = admin.get_user_roles().ok()
    assert listed.keys() == {"roles"}
    assert listed["roles"][role["uuid"]] == {key: role[key] for key in ("name", "created_ts", "updated_ts")}
    assert HOME["role"] in listed["roles"]
    assert FOREIGN["role"] not in listed["roles"]


def test_an_update_changes_what_it_names_and_nothing_else(admin):
    before = admin.get_user_role(new_role(admin, name="Contractor")).ok()
    for changes in ({"name": "Plumber"}, {"statement": permit("get_twin")}, {"statement": PERMIT_EVERYTHING}):
        after = admin.update_user_role(before["uuid"], body=changes).ok()
        assert after == {**before, **changes, "updated_ts": after["updated_ts"]}
        assert after["updated_ts"] >= before["updated_ts"]
        assert admin.get_user_role(before["uuid"]).ok() == after
        before = after


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_an_empty_update_of_a_role_changes_nothing(admin, body):
    before = admin.get_user_role(new_role(admin)).ok()
    assert admin.update_user_role(before["uuid"], body=body).ok() == before


def test_a_deleted_role_is_answered_once_more_and_then_gone(admin):
    role = admin.get_user_role(new_role(admin)).ok()
    assert admin.delete_user_role(role["uuid"]).ok() == role
    assert role["uuid"] not in admin.get_user_roles().ok()["roles"]
    admin.get_user_role(role["uuid"]).refused(NOT_FOUND)
    admin.update_user_role(role["uuid"], body={"name": "Plumber"}).refused(NOT_FOUND)
    admin.delete_user_role(role["uuid"]).refused(NOT_FOUND)


def test_a_role_of_another_account_looks_like_one_that_does_not_exist(admin, stranger):
    role = new_role(admin)
    for client, id in ((stranger, role), (admin, UNKNOWN)):
        refusals = [
            client.get_user_role(id).refused(NOT_FOUND),
            client.update_user_role(id, body={"name": "Plumber"}).refused(NOT_FOUND),
            client.delete_user_role(id).refused(NOT_FOUND),
        ]
        assert len(set(refusals)) == 1
    admin.get_user_role(role).ok()


@pytest.mark.parametrize("id", MALFORMED_UUIDS)
def test_an_id_of_a_role_has_a_form(admin, id):
    admin.get_user_role(id).refused(BAD_PARAMETER)
    admin.update_user_role(id).refused(BAD_PARAMETER)
    admin.delete_user_role(id).refused(BAD_PARAMETER)


@pytest.fixture(scope="module")
def clerk(admin) -> Person:
    """May manage roles and users, but not twins."""
    names = ("create_user_role", "update_user_role", "delete_user_role", "create_user", "update_user")
    return new_person(admin, permit(*names, "get_users", "get_user_role", "get_user_roles"))


@pytest.mark.parametrize(
    "statement",
    [
        permit("create_twin"),
        permit("get_users", "create_twin"),
        {"effect": "deny", "actions": None},
        PERMIT_EVERYTHING,
        None,
    ],
    ids=repr,
)
def test_a_user_cannot_give_a_role_permissions_that_they_lack(clerk, statement):
    own = new_role(clerk.client, permit("get_users"))
    clerk.client.create_user_role(body={"statement": statement}).refused(FORBIDDEN)
    if statement:
        clerk.client.update_user_role(own, body={"statement": statement}).refused(FORBIDDEN)


@pytest.mark.parametrize("statement", [PERMIT_NOTHING, permit("get_users"), permit("get_users", "who_am_i")], ids=repr)
def test_a_user_can_give_a_role_permissions_that_they_have(clerk, statement):
    role = new_role(clerk.client, statement)
    clerk.client.update_user_role(role, body={"statement": PERMIT_NOTHING}).ok()
    clerk.client.update_user_role(role, body={"statement": statement}).ok()


def test_a_user_cannot_give_a_role_that_permits_more_than_their_own(admin, clerk):
    user = new_user(clerk.client, new_role(clerk.client, permit("get_users")))
    clerk.client.create_user(body={"role": HOME["role"]}).refused(FORBIDDEN)
    clerk.client.update_user(user, body={"role": HOME["role"]}).refused(FORBIDDEN)
    clerk.client.update_user(clerk.id, body={"role": HOME["role"]}).refused(FORBIDDEN)
    admin.update_user(user, body={"role": HOME["role"]}).ok()


def test_a_role_that_denies_one_operation_cannot_give_it_back(admin):
    almost = new_person(admin, {"effect": "deny", "actions": ["terminate_twin"]})
    almost.client.create_user_role().refused(FORBIDDEN)
    almost.client.create_user_role(body={"statement": permit("terminate_twin")}).refused(FORBIDDEN)
    almost.client.update_user_role(almost.role, body={"statement": PERMIT_EVERYTHING}).refused(FORBIDDEN)
    new_role(almost.client, {"effect": "deny", "actions": ["terminate_twin", "create_twin"]})


def test_a_user_cannot_delete_their_own_role(admin, clerk):
    admin.delete_user_role(HOME["role"]).refused(CONFLICT)
    clerk.client.delete_user_role(clerk.role).refused(CONFLICT)
    admin.who_am_i().ok()


def test_a_changed_role_counts_from_the_next_request_on(admin):
    person = new_person(admin)
    token = Client(person.client.create_user_token().ok(201)["token"])
    for statement, status in ((PERMIT_NOTHING, 403), (permit("get_account"), 200), (permit("get_users"), 403)):
        admin.update_user_role(person.role, body={"statement": statement}).ok()
        assert [client.get_account().status for client in (person.client, token)] == [status, status]


def test_a_user_with_another_role_may_do_what_that_one_permits(admin):
    person = new_person(admin, PERMIT_NOTHING)
    person.client.get_account().refused(FORBIDDEN)
    admin.update_user(person.id, body={"role": new_role(admin, permit("get_account"))}).ok()
    person.client.get_account().ok()


@pytest.fixture(scope="module")
def outcast(admin) -> tuple[Client, Client]:
    """Secret and token of a user whose role was deleted."""
    person = new_person(admin)
    token = person.client.create_user_token(body={"options": ["create", "refresh"]}).ok(201)["token"]
    admin.delete_user_role(person.role).ok()
    return person.client, Client(token)


@pytest.mark.parametrize("operation", [name for name in BUILT if name not in OPEN])
def test_a_user_whose_role_was_deleted_is_locked_out(outcast, operation):
    for client in outcast:
        call_somehow(client, operation).refused(FORBIDDEN)


def test_a_user_who_was_locked_out_is_let_in_with_a_new_role(admin):
    person = new_person(admin)
    admin.delete_user_role(person.role).ok()
    assert admin.get_user(person.id).ok()["role"] == person.role
    admin.update_user(person.id, body={"role": new_role(admin)}).ok()
    person.client.get_account().ok()


@pytest.fixture(scope="module")
def governed(admin) -> Person:
    return new_person(admin)


@pytest.mark.parametrize("operation", GOVERNED)
def test_an_operation_is_permitted_by_its_own_name(admin, governed, operation):
    admin.update_user_role(governed.role, body={"statement": permit(operation)}).ok()
    assert call_somehow(governed.client, operation).status != 403
    admin.update_user_role(governed.role, body={"statement": {"effect": "deny", "actions": [operation]}}).ok()
    call_somehow(governed.client, operation).refused(FORBIDDEN)
