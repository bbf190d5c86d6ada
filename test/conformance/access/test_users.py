"""Users (2.2). What their descriptions do is in test_descriptions.py."""

import pytest

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    CONFLICT,
    FOREIGN,
    HOME,
    LOG_TO_NOWHERE,
    MALFORMED_LOGS,
    MALFORMED_NAMES,
    MALFORMED_UUIDS,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNKNOWN,
    UUID,
    Client,
    assert_recent,
    new_person,
    new_role,
    new_user,
)


def test_a_user_is_created_with_all_attributes(admin):
    role = new_role(admin)
    body = {"role": role, "name": "Meter desk", "description": {"profession": "dispatch"}, "activity": None}
    user = admin.create_user(body=body).ok(201)
    assert UUID.fullmatch(user["uuid"])
    assert_recent(user["created_ts"], user["updated_ts"])
    times = {key: user[key] for key in ("created_ts", "updated_ts")}
    assert user == {**body, "uuid": user["uuid"], "account": HOME["account"], **times}


def test_a_user_needs_nothing_but_a_role(admin):
    user = admin.create_user(body={"role": new_role(admin)}).ok(201)
    assert user.keys() == {"uuid", "role", "account", "name", "activity", "created_ts", "updated_ts"}
    assert user["name"] is None
    assert user["activity"] is None


@pytest.mark.parametrize(
    "body", [None, {}, {"name": "Meter desk"}, {"role": None}, {"role": "admin"}, {"role": 7}], ids=repr
)
def test_a_user_without_a_role_is_refused(admin, body):
    admin.create_user(body=body).refused(BAD_BODY)


@pytest.mark.parametrize("role", [UNKNOWN, FOREIGN["role"]], ids=["unknown", "foreign"])
def test_a_user_gets_a_role_of_the_same_account(admin, role):
    admin.create_user(body={"role": role}).refused(CONFLICT)
    admin.update_user(new_user(admin), body={"role": role}).refused(CONFLICT)


@pytest.mark.parametrize("name", MALFORMED_NAMES, ids=repr)
def test_a_name_of_a_user_has_a_form(admin, name):
    admin.create_user(body={"role": HOME["role"], "name": name}).refused(BAD_BODY)
    admin.update_user(new_user(admin), body={"name": name}).refused(BAD_BODY)


@pytest.mark.parametrize("name", ["ab", "a" * 32, "0_a b-9"])
def test_two_users_may_have_the_same_name(admin, name):
    users = [admin.get_user(new_user(admin, name=name)).ok() for _ in range(2)]
    assert [user["name"] for user in users] == [name, name]
    assert users[0]["uuid"] != users[1]["uuid"]


@pytest.mark.parametrize("activity", MALFORMED_LOGS, ids=repr)
def test_an_activity_log_has_a_shape(admin, activity):
    admin.create_user(body={"role": HOME["role"], "activity": activity}).refused(BAD_BODY)


def test_an_activity_log_cannot_go_to_a_table_that_does_not_exist(admin):
    admin.create_user(body={"role": HOME["role"], "activity": LOG_TO_NOWHERE}).refused(CONFLICT)
    admin.update_user(new_user(admin), body={"activity": LOG_TO_NOWHERE}).refused(CONFLICT)


def test_users_are_listed_with_some_of_their_attributes(admin):
    user = admin.get_user(new_user(admin, name="Meter desk")).ok()
    listed = admin.get_users().ok()
    assert listed.keys() == {"users"}
    assert listed["users"][user["uuid"]] == {key: user[key] for key in ("name", "role", "created_ts", "updated_ts")}
    assert HOME["user"] in listed["users"]
    assert FOREIGN["user"] not in listed["users"]


def test_a_user_is_read_as_it_was_created(admin):
    created = admin.create_user(body={"role": new_role(admin), "name": "Meter desk"}).ok(201)
    assert admin.get_user(created["uuid"]).ok() == created


def test_an_update_changes_what_it_names_and_nothing_else(admin):
    before = admin.create_user(body={"role": new_role(admin), "name": "Meter desk"}).ok(201)
    role = new_role(admin)
    for changes in ({"name": "Water desk"}, {"role": role}, {"activity": None}):
        after = admin.update_user(before["uuid"], body=changes).ok()
        assert after == {**before, **changes, "updated_ts": after["updated_ts"]}
        assert after["updated_ts"] >= before["updated_ts"]
        assert admin.get_user(before["uuid"]).ok() == after
        before = after


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_an_empty_update_of_a_user_changes_nothing(admin, body):
    before = admin.get_user(new_user(admin, name="Meter desk")).ok()
    assert admin.update_user(before["uuid"], body=body).ok() == before


def test_a_deleted_user_is_answered_once_more_and_then_gone(admin):
    user = admin.get_user(new_user(admin, name="Meter desk")).ok()
    assert admin.delete_user(user["uuid"]).ok() == user
    assert user["uuid"] not in admin.get_users().ok()["users"]
    admin.get_user(user["uuid"]).refused(NOT_FOUND)
    admin.update_user(user["uuid"], body={"name": "Water desk"}).refused(NOT_FOUND)
    admin.delete_user(user["uuid"]).refused(NOT_FOUND)


def test_a_deleted_user_is_no_longer_let_in(admin):
    person = new_person(admin)
    token = Client(person.client.create_user_token().ok(201)["token"])
    admin.delete_user(person.id).ok()
    person.client.who_am_i().refused(UNAUTHENTICATED)
    token.who_am_i().refused(UNAUTHENTICATED)


def test_users_cannot_delete_themselves(admin):
    admin.delete_user(HOME["user"]).refused(CONFLICT)
    admin.who_am_i().ok()


def test_a_user_of_another_account_looks_like_one_that_does_not_exist(admin, stranger):
    user = new_user(admin)
    for client, id in ((stranger, user), (admin, UNKNOWN)):
        refusals = [
            client.get_user(id).refused(NOT_FOUND),
            client.update_user(id, body={"name": "Water desk"}).refused(NOT_FOUND),
            client.delete_user(id).refused(NOT_FOUND),
        ]
        assert len(set(refusals)) == 1
    admin.get_user(user).ok()


@pytest.mark.parametrize("id", MALFORMED_UUIDS)
def test_an_id_of_a_user_has_a_form(admin, id):
    admin.get_user(id).refused(BAD_PARAMETER)
    admin.update_user(id).refused(BAD_PARAMETER)
    admin.delete_user(id).refused(BAD_PARAMETER)
