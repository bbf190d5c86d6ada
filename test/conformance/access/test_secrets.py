"""User secrets and PINs (2.3).

After twenty wrong PINs a server refuses all PINs of an address: the tests together stay below that.
"""

import re
import time

import pytest

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    FORBIDDEN,
    FOREIGN,
    HOME,
    MALFORMED_UUIDS,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNKNOWN,
    Client,
    assert_recent,
    at_once,
    new_person,
    new_pin,
    new_secret,
    new_user,
    permit,
    send,
)

SECRET = re.compile(r"[A-Za-z0-9+/]{64}")
TOMORROW = round(time.time()) + 86_400.125
YESTERDAY = round(time.time()) - 86_400


def test_a_pin_is_exchanged_for_a_secret(admin, anonymous):
    user = new_user(admin)
    answer = admin.create_user_secret_pin(user).ok(201)
    assert answer.keys() == {"pin"}
    assert re.fullmatch(r"[A-Z0-9]{6}", answer["pin"])
    secret = anonymous.create_user_secret(HOME["account"], answer["pin"]).ok(201)
    assert {"account", "user", "secret", "validity_ts", "created_ts", "updated_ts"} <= secret.keys()
    assert SECRET.fullmatch(secret["secret"])
    assert (secret["account"], secret["user"], secret["validity_ts"]) == (HOME["account"], user, None)
    assert_recent(secret["created_ts"], secret["updated_ts"])
    assert Client(secret["secret"]).who_am_i().ok()["user"] == user


def test_a_pin_works_once(admin, anonymous):
    pin = new_pin(admin, new_user(admin))
    anonymous.create_user_secret(HOME["account"], pin).ok(201)
    anonymous.create_user_secret(HOME["account"], pin).refused(NOT_FOUND)


def test_a_pin_redeemed_by_many_at_the_same_moment_works_once(admin):
    path = f"/secrets/{HOME['account']}/{new_pin(admin, new_user(admin))}"
    answers = at_once(3, lambda: send("POST", path))
    assert sorted(answer.status for answer in answers) == [201, 404, 404]


def test_a_second_pin_takes_the_place_of_the_first(admin, anonymous):
    user = new_user(admin)
    first, second = new_pin(admin, user), new_pin(admin, user)
    anonymous.create_user_secret(HOME["account"], first).refused(NOT_FOUND)
    assert anonymous.create_user_secret(HOME["account"], second).ok(201)["user"] == user


def test_a_bad_pin_is_refused_without_telling_what_is_wrong(admin, anonymous):
    pin = new_pin(admin, new_user(admin))
    bad = [(HOME["account"], "N0P1N0"), (UNKNOWN, pin), (FOREIGN["account"], pin), (HOME["account"], pin.lower() + "x")]
    refusals = {anonymous.create_user_secret(*path).refused(NOT_FOUND) for path in bad}
    assert len(refusals) == 1
    anonymous.create_user_secret(HOME["account"], pin).ok(201)


def test_a_pin_ends_with_its_user(admin, anonymous):
    user = new_user(admin)
    pin = new_pin(admin, user)
    admin.delete_user(user).ok()
    anonymous.create_user_secret(HOME["account"], pin).refused(NOT_FOUND)


@pytest.mark.parametrize("auth", ["nonsense", FOREIGN["secret"], ""])
def test_a_pin_is_redeemed_whatever_the_caller_shows(admin, auth):
    pin = new_pin(admin, new_user(admin))
    send("POST", f"/secrets/{HOME['account']}/{pin}", auth=auth).ok(201)


def test_an_account_in_the_path_of_a_pin_has_a_form(anonymous):
    anonymous.create_user_secret("unknown", "N0P1N0").refused(BAD_PARAMETER)


def test_a_redeemed_pin_ends_the_secret_before_it(admin):
    person = new_person(admin)
    pin = new_pin(admin, person.id)
    person.client.who_am_i().ok()
    secret = Client().create_user_secret(HOME["account"], pin).ok(201)["secret"]
    person.client.who_am_i().refused(UNAUTHENTICATED)
    Client(secret).who_am_i().ok()


@pytest.mark.parametrize("validity", [TOMORROW, None], ids=["until tomorrow", "for ever"])
def test_a_pin_says_how_long_its_secret_lives(admin, validity):
    secret = new_secret(admin, new_user(admin), validity_ts=validity)
    assert secret["validity_ts"] == validity
    Client(secret["secret"]).who_am_i().ok()


@pytest.mark.parametrize("validity", ["tomorrow", "1764010000", True, [], {}], ids=repr)
def test_a_validity_is_a_number(admin, validity):
    person = new_person(admin)
    admin.create_user_secret_pin(person.id, body={"validity_ts": validity}).refused(BAD_BODY)
    admin.update_user_secret(person.id, body={"validity_ts": validity}).refused(BAD_BODY)


def test_a_secret_is_told_about_by_its_last_four_characters_only(admin):
    user = new_user(admin)
    secret = new_secret(admin, user, validity_ts=TOMORROW)
    described = admin.get_user_secret(user).ok()
    assert described == {
        "account": HOME["account"],
        "user": user,
        "fingerprint": secret["secret"][-4:],
        "validity_ts": TOMORROW,
        "created_ts": secret["created_ts"],
        "updated_ts": secret["updated_ts"],
    }


def test_the_validity_of_a_secret_is_changed_and_removed(admin):
    user = new_user(admin)
    new_secret(admin, user)
    before = admin.get_user_secret(user).ok()
    for validity in (TOMORROW, int(TOMORROW), None):
        after = admin.update_user_secret(user, body={"validity_ts": validity}).ok()
        assert after == {**before, "validity_ts": validity, "updated_ts": after["updated_ts"]}
        assert admin.get_user_secret(user).ok() == after


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_an_empty_update_of_a_secret_changes_nothing(admin, body):
    user = new_user(admin)
    new_secret(admin, user, validity_ts=TOMORROW)
    before = admin.get_user_secret(user).ok()
    assert admin.update_user_secret(user, body=body).ok() == before


def test_a_secret_that_is_over_admits_no_caller_until_its_validity_is_extended(admin):
    person = new_person(admin)
    admin.update_user_secret(person.id, body={"validity_ts": YESTERDAY}).ok()
    person.client.who_am_i().refused(UNAUTHENTICATED)
    admin.update_user_secret(person.id, body={"validity_ts": TOMORROW}).ok()
    person.client.who_am_i().ok()


def test_a_deleted_secret_is_answered_once_more_and_then_gone(admin):
    person = new_person(admin)
    secret = admin.get_user_secret(person.id).ok()
    assert admin.delete_user_secret(person.id).ok() == secret
    person.client.who_am_i().refused(UNAUTHENTICATED)
    admin.get_user_secret(person.id).refused(NOT_FOUND)
    admin.get_user(person.id).ok()


def test_a_user_without_a_secret_has_none_to_change(admin):
    user = new_user(admin)
    admin.get_user_secret(user).refused(NOT_FOUND)
    admin.update_user_secret(user, body={"validity_ts": None}).refused(NOT_FOUND)
    admin.delete_user_secret(user).refused(NOT_FOUND)


def test_the_secret_of_a_user_of_another_account_looks_like_that_of_no_user(admin, stranger):
    person = new_person(admin)
    for client, id in ((stranger, person.id), (admin, UNKNOWN)):
        client.create_user_secret_pin(id).refused(NOT_FOUND)
        client.get_user_secret(id).refused(NOT_FOUND)
        client.update_user_secret(id, body={"validity_ts": None}).refused(NOT_FOUND)
        client.delete_user_secret(id).refused(NOT_FOUND)
    person.client.who_am_i().ok()


@pytest.mark.parametrize("id", MALFORMED_UUIDS)
def test_an_id_in_the_path_of_a_secret_has_a_form(admin, id):
    admin.create_user_secret_pin(id).refused(BAD_PARAMETER)
    admin.get_user_secret(id).refused(BAD_PARAMETER)
    admin.update_user_secret(id).refused(BAD_PARAMETER)
    admin.delete_user_secret(id).refused(BAD_PARAMETER)


def test_a_user_cannot_take_over_a_user_with_more_permissions(admin):
    clerk = new_person(admin, permit("create_user_secret_pin", "update_user_secret", "delete_user_secret"))
    clerk.client.create_user_secret_pin(HOME["user"]).refused(FORBIDDEN)
    clerk.client.update_user_secret(HOME["user"], body={"validity_ts": YESTERDAY}).refused(FORBIDDEN)
    clerk.client.delete_user_secret(HOME["user"]).refused(FORBIDDEN)


def test_a_secret_is_sent_bare_whatever_characters_it_has(admin):
    user = new_user(admin)
    secrets = (new_secret(admin, user)["secret"] for _ in range(200))
    secret = next(text for text in secrets if "+" in text and "/" in text)
    assert Client(secret).who_am_i().ok()["user"] == user


@pytest.mark.parametrize(
    "mangle", [lambda s: f"Bearer {s}", lambda s: s[:-1], lambda s: s.swapcase(), lambda s: s[-4:]]
)
def test_anything_but_the_bare_secret_is_refused(mangle):
    Client(mangle(HOME["secret"])).who_am_i().refused(UNAUTHENTICATED)
