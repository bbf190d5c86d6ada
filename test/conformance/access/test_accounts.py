"""Account and who-am-i (2.1), and trace (2.21)."""

import pytest

from conftest import (
    BAD_BODY,
    CONFLICT,
    HOME,
    LOG_TO_NOWHERE,
    MALFORMED_LOGS,
    PERMIT_NOTHING,
    UNAUTHENTICATED,
    new_person,
)


def test_a_caller_learns_who_they_are(admin):
    assert admin.who_am_i().ok() == {key: HOME[key] for key in ("account", "user", "role")}


def test_a_caller_whose_role_permits_nothing_still_learns_who_they_are(admin):
    person = new_person(admin, PERMIT_NOTHING)
    identity = person.client.who_am_i().ok()
    assert identity == {"account": HOME["account"], "user": person.id, "role": person.role}


def test_a_caller_without_a_secret_is_refused(anonymous):
    anonymous.who_am_i().refused(UNAUTHENTICATED)


def test_a_trace_is_answered_with_an_empty_object(admin, anonymous):
    assert admin.trace().ok(201) == {}
    anonymous.trace().refused(UNAUTHENTICATED)


def test_an_account_is_read(admin):
    account = admin.get_account().ok()
    assert account.keys() == {"resource_access_log", "uuid", "created_ts", "updated_ts"}
    assert account["uuid"] == HOME["account"]
    assert account["resource_access_log"] is None


def test_an_account_is_its_callers_own(stranger):
    assert stranger.get_account().ok()["uuid"] != HOME["account"]


def test_an_update_of_an_account_without_a_body_changes_nothing(admin):
    before = admin.get_account().ok()
    assert admin.update_account().ok() == before
    assert admin.get_account().ok() == before


def test_an_access_log_is_switched_off_with_null(admin):
    before = admin.get_account().ok()
    after = admin.update_account(body={"resource_access_log": None}).ok()
    assert after == {**before, "updated_ts": after["updated_ts"]}


def test_an_access_log_cannot_go_to_a_table_that_does_not_exist(admin):
    admin.update_account(body={"resource_access_log": LOG_TO_NOWHERE}).refused(CONFLICT)


@pytest.mark.parametrize("log", MALFORMED_LOGS, ids=repr)
def test_an_access_log_has_a_shape(admin, log):
    admin.update_account(body={"resource_access_log": log}).refused(BAD_BODY)
