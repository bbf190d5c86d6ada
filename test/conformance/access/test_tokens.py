"""User tokens (2.4)."""

import base64
import json
import time

import pytest

from conftest import (
    BAD_BODY,
    FORBIDDEN,
    HOME,
    PERMIT_NOTHING,
    UNAUTHENTICATED,
    Client,
    new_person,
    permit,
)

TOMORROW = round(time.time()) + 86_400.5
YESTERDAY = round(time.time()) - 86_400


def part(jwt: str, index: int) -> dict:
    encoded = jwt.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def token_client(client: Client, **body) -> Client:
    return Client(client.create_user_token(body=body).ok(201)["token"])


def test_a_token_is_created_with_all_attributes(admin):
    body = {"secret_dict": {"tenant": "north"}, "options": ["create", "refresh"], "validity_ts": TOMORROW}
    answer = admin.create_user_token(body=body).ok(201)
    assert answer == {"token": answer["token"], "options": body["options"], "validity_ts": TOMORROW}


def test_a_token_is_created_from_nothing(admin):
    answer = admin.create_user_token().ok(201)
    assert answer == {"token": answer["token"], "options": [], "validity_ts": None}


def test_a_token_is_a_jwt_that_keeps_its_dictionary_to_itself(admin):
    body = {"secret_dict": {"tenant": "north"}, "options": ["refresh"], "validity_ts": TOMORROW}
    token = admin.create_user_token(body=body).ok(201)["token"]
    assert token.count(".") == 2
    assert part(token, 0)["alg"] == "HS256"
    claims = part(token, 1)
    assert (claims["sub"], claims["acc"], claims["opt"]) == (HOME["user"], HOME["account"], ["refresh"])
    assert claims["jti"]
    assert abs(claims["exp"] - TOMORROW) < 1
    assert "north" not in json.dumps(claims)


@pytest.mark.parametrize(
    "body",
    [
        {"options": ["delete"]},
        {"options": "create"},
        {"options": {}},
        {"secret_dict": {"Tenant": "north"}},
        {"secret_dict": ["north"]},
        {"validity_ts": "1764010000"},
    ],
    ids=repr,
)
def test_the_wish_for_a_token_has_a_shape(admin, body):
    admin.create_user_token(body=body).refused(BAD_BODY)


def test_a_token_stands_in_for_the_secret(admin):
    token = token_client(admin)
    assert token.who_am_i().ok() == admin.who_am_i().ok()
    assert token.get_account().ok() == admin.get_account().ok()
    token.create_twin().ok(201)


def test_a_token_permits_what_the_role_of_its_user_permits(admin):
    person = new_person(admin, permit("create_user_token", "get_account"))
    token = token_client(person.client)
    token.get_account().ok()
    token.get_users().refused(FORBIDDEN)


def test_a_token_takes_the_action_of_the_role_when_a_secret_asks(admin):
    new_person(admin, PERMIT_NOTHING).client.create_user_token().refused(FORBIDDEN)


def test_a_token_makes_further_tokens_only_with_its_option(admin):
    token_client(admin, options=["create"]).create_user_token().ok(201)
    token_client(admin).create_user_token().refused(FORBIDDEN)
    token_client(admin, options=["refresh"]).create_user_token().refused(FORBIDDEN)


def test_a_token_is_refreshed(admin):
    old = token_client(admin, options=["refresh"], validity_ts=TOMORROW)
    answer = old.refresh_user_token(body={"validity_ts": TOMORROW + 60}).ok(201)
    assert answer == {"token": answer["token"], "validity_ts": TOMORROW + 60}
    new = Client(answer["token"])
    assert new.who_am_i().ok() == admin.who_am_i().ok()
    new.refresh_user_token(body={"validity_ts": TOMORROW + 120}).ok(201)


def test_a_token_is_refreshed_only_with_its_option(admin):
    for options in ([], ["create"]):
        token_client(admin, options=options).refresh_user_token(body={"validity_ts": TOMORROW}).refused(FORBIDDEN)


def test_a_secret_cannot_be_refreshed(admin):
    admin.refresh_user_token(body={"validity_ts": TOMORROW}).refused(FORBIDDEN)


def test_a_refreshed_validity_is_a_number(admin):
    token_client(admin, options=["refresh"]).refresh_user_token(body={"validity_ts": "soon"}).refused(BAD_BODY)


def test_an_expired_token_is_refused(admin):
    token = token_client(admin, options=["create", "refresh"], validity_ts=YESTERDAY)
    token.who_am_i().refused(UNAUTHENTICATED)
    token.refresh_user_token(body={"validity_ts": TOMORROW}).refused(UNAUTHENTICATED)


def test_a_forged_token_is_refused(admin):
    token = admin.create_user_token().ok(201)["token"]
    header, claims, signature = token.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for forged in (f"{header}.{claims}.{signature[::-1]}", f"{unsigned}.{claims}.", "a.b.c", ".."):
        Client(forged).who_am_i().refused(UNAUTHENTICATED)


def test_a_token_ends_with_the_secret_of_its_user(admin):
    person = new_person(admin)
    token = token_client(person.client)
    admin.delete_user_secret(person.id).ok()
    token.who_am_i().refused(UNAUTHENTICATED)


def test_tokens_are_for_the_authenticated(anonymous):
    anonymous.create_user_token().refused(UNAUTHENTICATED)
    anonymous.refresh_user_token(body={"validity_ts": TOMORROW}).refused(UNAUTHENTICATED)
