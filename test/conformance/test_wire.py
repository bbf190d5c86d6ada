"""What applies to every operation: transport, authentication, errors (1.1-1.3, 1.9) and the checklist of section 7."""

import base64
import json

import pytest
from trustedtwin.tt_api import TTRESTService
from trustedtwin.tt_endpoints import ENDPOINTS

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    BUILT,
    FORBIDDEN,
    HOME,
    NOT_FOUND,
    NOT_JSON,
    NOT_UTF8,
    OPEN,
    PERMIT_NOTHING,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNKNOWN,
    URL,
    Client,
    Person,
    call_somehow,
    new_identities,
    new_person,
    new_pin,
    new_twin,
    new_user,
    send,
)

SECRET = HOME["secret"]
BODY_BYTES_MAX = 65_536


@pytest.fixture(scope="module")
def person(admin) -> Person:
    return new_person(admin)


@pytest.fixture(scope="module")
def paths(admin, person) -> dict[str, str]:
    """Every operation with an optional body, as method and path, with ids that exist."""
    named = new_twin(admin)
    new_identities(admin, named, x1={})
    return {
        "PATCH /account": "/account",
        "PATCH /users": f"/users/{person.id}",
        "POST /users/secrets": f"/users/{person.id}/secrets",
        "PATCH /users/secrets": f"/users/{person.id}/secrets",
        "POST /token": "/token",
        "POST /roles": "/roles",
        "PATCH /roles": f"/roles/{person.role}",
        "POST /twins": "/twins",
        "PATCH /twins": f"/twins/{new_twin(admin)}",
        "PATCH /identities": f"/twins/{named}/identities/RFID%23x1",
        "DELETE /ledgers": f"/twins/{named}/ledgers/personal",
    }


OPTIONAL_BODIES = (
    *("PATCH /account", "PATCH /users", "POST /users/secrets", "PATCH /users/secrets", "POST /token"),
    *("POST /roles", "PATCH /roles", "POST /twins", "PATCH /twins", "PATCH /identities", "DELETE /ledgers"),
)


def test_the_client_of_the_vendor_works_as_it_comes():
    codes: dict[int, int] = {}
    client = TTRESTService(tt_auth=SECRET, tt_base=URL, codes=codes)
    status, text = client.who_am_i()
    assert (status, json.loads(text)["user"]) == (200, HOME["user"])
    assert client.get_twin(UNKNOWN)[0] == 404
    assert codes == {200: 1, 404: 1}


@pytest.mark.parametrize("name", OPTIONAL_BODIES)
def test_no_body_an_empty_object_and_null_are_the_same(paths, name):
    method, path = name.split()[0], paths[name]
    answers = [send(method, path, body, SECRET) for body in (None, b"", b"{}", b"null", b" {\n} ")]
    for answer in answers:
        answer.ok(201 if method == "POST" else 200)
    assert len({tuple(answer.body) for answer in answers}) == 1


@pytest.mark.parametrize("name", OPTIONAL_BODIES)
@pytest.mark.parametrize("body", [b"[]", b"[{}]", b'"text"', b'""', b"7", b"0", b"true", b"false"])
def test_a_body_is_an_object(paths, name, body):
    send(name.split()[0], paths[name], body, SECRET).refused(BAD_BODY)


@pytest.mark.parametrize("name", OPTIONAL_BODIES)
@pytest.mark.parametrize("body", [b"{", b"{}}", b"{'a': 1}", b"nul", b" ", b'{"a": 1e999}', b'{"a": "\t"}', b"\0"])
def test_a_body_is_json(paths, name, body):
    send(name.split()[0], paths[name], body, SECRET).refused(NOT_JSON)


@pytest.mark.parametrize("name", OPTIONAL_BODIES)
@pytest.mark.parametrize(
    "body", [b'{"a": "\xff"}', b'{"a": "\xc3"}', b'{"a": "\xed\xa0\x80"}', '{"a": "ü"}'.encode("utf-16")]
)
def test_a_body_is_utf8(paths, name, body):
    send(name.split()[0], paths[name], body, SECRET).refused(NOT_UTF8)


@pytest.mark.parametrize("name", OPTIONAL_BODIES)
def test_unknown_members_of_a_body_are_ignored(paths, name):
    answer = send(name.split()[0], paths[name], b'{"unknown": {"x": [1]}, "uuid": 7}', SECRET)
    assert "unknown" not in answer.ok(201 if name.startswith("POST") else 200)


@pytest.mark.parametrize("name", OPTIONAL_BODIES)
def test_a_body_has_at_most_64_kb(paths, name):
    method, path = name.split()[0], paths[name]
    overhead = len(json.dumps({"unknown": ""}))
    largest = json.dumps({"unknown": "x" * (BODY_BYTES_MAX - overhead)}).encode()
    assert len(largest) == BODY_BYTES_MAX
    send(method, path, largest, SECRET).ok(201 if method == "POST" else 200)
    send(method, path, largest + b" ", SECRET).refused(TOO_LARGE)
    send(method, path, largest * 100, SECRET).refused(TOO_LARGE)


def test_a_body_may_come_in_chunks():
    parts = [b'{"description": ', b'{"serial": ', b'"12345"}}']
    assert send("POST", "/twins", iter(parts), SECRET).ok(201)["description"] == {"serial": "12345"}
    send("POST", "/twins", iter([b" " * 1024] * 65), SECRET).refused(TOO_LARGE)


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_operations_without_a_body_accept_an_empty_one(admin, body):
    user, twin = new_user(admin), new_twin(admin)
    pin = new_pin(admin, user)
    admin.who_am_i(body=body).ok()
    admin.trace(body=body).ok(201)
    admin.get_user(user, body=body).ok()
    Client().create_user_secret(HOME["account"], pin, body=body).ok(201)
    admin.delete_user_secret(user, body=body).ok()
    admin.delete_user(user, body=body).ok()
    admin.scan_twins(body=body).ok()
    admin.terminate_twin(twin, body=body).ok()


def raw_path(operation: str) -> tuple[str, str]:
    method, template, names = ENDPOINTS[operation]
    return method, template.format(*(UNKNOWN if name != "pin" else "N0P1N0" for name in names))


@pytest.mark.parametrize("operation", BUILT)
def test_a_slash_at_the_end_of_a_path_makes_no_difference(operation):
    method, path = raw_path(operation)
    without, with_slash = (send(method, text, auth=SECRET) for text in (path, f"{path}/"))
    assert (without.status, without.body.get("subcode")) == (with_slash.status, with_slash.body.get("subcode"))
    assert without.body.get("description") == with_slash.body.get("description") != "Resource not found."


def test_a_slash_before_a_query_makes_no_difference(admin):
    twin = new_twin(admin)
    send("GET", f"/twins/{twin}/?show_terminated=True", auth=SECRET).ok()
    assert len(send("GET", "/twins/?count=1", auth=SECRET).ok()["twins"]) == 1


def encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_every_segment_of_a_path_is_decoded(admin, person):
    twin = new_twin(admin)
    assert send("GET", f"/twins/{encoded(twin)}", auth=SECRET).ok()["creation_certificate"]["uuid"] == twin
    assert send("GET", f"/users/{encoded(person.id).lower()}/secrets", auth=SECRET).ok()["user"] == person.id
    pin = new_pin(admin, new_user(admin))
    send("POST", f"/secrets/{encoded(HOME['account'])}/{encoded(pin)}").ok(201)


def test_a_path_is_split_before_its_segments_are_decoded(admin, anonymous, person):
    admin.get_user(f"{person.id}/secrets").refused(BAD_PARAMETER)
    admin.get_user("RFID#x1?a=b").refused(BAD_PARAMETER)
    bad_pin = anonymous.create_user_secret(HOME["account"], "N0P1N0").refused(NOT_FOUND)
    assert anonymous.create_user_secret(HOME["account"], "N0/P1#N0").refused(NOT_FOUND) == bad_pin


@pytest.mark.parametrize("segment", ["%", "%zz", "%C3", "%FF%FE", "%00", "%25", "a%20b", "+"])
def test_a_segment_that_is_not_well_encoded_is_the_callers_fault(segment):
    send("GET", f"/users/{segment}", auth=SECRET).refused(BAD_PARAMETER)
    send("DELETE", f"/twins/{segment}", auth=SECRET).refused(BAD_PARAMETER)


@pytest.mark.parametrize(
    "query", ["entries=a&entries=b", "entries=a,b", "entries=a,b&entries=c", "x", "=", "&&", "%zz=%", "__proto__=1"]
)
def test_unknown_names_in_a_query_are_ignored(query):
    assert len(send("GET", f"/twins?{query}&count=1", auth=SECRET).ok()["twins"]) == 1
    send("GET", f"/whoami?{query}", auth=SECRET).ok()


@pytest.mark.parametrize(
    "method, path", [("GET", "/"), ("GET", "/nothing"), ("POST", "/users/a/b/c"), ("GET", "//users")]
)
def test_an_unknown_path_is_not_found_for_any_caller(method, path):
    for auth in (None, SECRET):
        send(method, path, auth=auth).refused(NOT_FOUND)


@pytest.mark.parametrize(
    "method, path",
    [("PUT", "/users"), ("DELETE", "/twins"), ("PATCH", "/whoami"), ("GET", "/token"), ("OPTIONS", "/users")],
)
def test_a_wrong_method_is_not_found(method, path):
    send(method, path, auth=SECRET).refused(NOT_FOUND)


@pytest.mark.parametrize("auth", [None, "", "nonsense", "a.b.c", "é" * 64, "x" * 4000], ids=repr)
@pytest.mark.parametrize("operation", [name for name in BUILT if name not in OPEN])
def test_an_operation_wants_to_know_who_asks(operation, auth):
    method, path = raw_path(operation)
    send(method, path, auth=auth).refused(UNAUTHENTICATED)


def test_a_request_is_checked_in_order(admin):
    denied = new_person(admin, PERMIT_NOTHING)
    send("PATCH", "/nothing", b"{").refused(NOT_FOUND)
    send("PATCH", "/users/unknown", b"{").refused(UNAUTHENTICATED)
    send("PATCH", "/users/unknown", b"{", denied.secret).refused(FORBIDDEN)
    send("PATCH", "/users/unknown", b"{", SECRET).refused(NOT_JSON)
    send("PATCH", f"/users/{UNKNOWN}", b'{"name": 7}', SECRET).refused(BAD_BODY)
    send("PATCH", "/users/unknown", b"{}", SECRET).refused(BAD_PARAMETER)
    send("PATCH", f"/users/{UNKNOWN}", b"{}", SECRET).refused(NOT_FOUND)


def test_what_is_too_large_is_refused_after_who_and_statement(admin):
    denied = new_person(admin, PERMIT_NOTHING)
    large = b" " * (BODY_BYTES_MAX + 1)
    send("POST", "/twins", large).refused(UNAUTHENTICATED)
    send("POST", "/twins", large, denied.secret).refused(FORBIDDEN)


@pytest.mark.parametrize("operation", BUILT)
def test_a_custom_dictionary_is_accepted_with_every_operation(operation):
    dictionary = {"serial": "b0f-7781", "tenant": "nörth", "list": [1, {"A": None}]}
    plain, dressed = (call_somehow(Client(SECRET, extra), operation) for extra in (None, dictionary))
    assert (plain.status, plain.body.keys()) == (dressed.status, dressed.body.keys())


def header_of(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    "value, refusal",
    [
        ("not base64!", NOT_JSON),
        (header_of('{"a": "?>?>"}').replace("+", "-"), NOT_JSON),
        (header_of('{"a": 1}').rstrip("="), NOT_JSON),
        (header_of("{"), NOT_JSON),
        (header_of(b'{"a": "\xff"}'), NOT_JSON),
        (header_of("null"), BAD_BODY),
        (header_of("[1]"), BAD_BODY),
        (header_of('"text"'), BAD_BODY),
        (header_of('{"Serial": 1}'), BAD_BODY),
    ],
)
def test_a_custom_dictionary_has_a_form(value, refusal):
    send("POST", "/twins", auth=SECRET, headers={"X-TrustedTwin": value}).refused(refusal)


@pytest.mark.parametrize(
    "sent, kept",
    [
        (4102444800, 4102444800),
        (4102444800.5, 4102444800.5),
        (4102444800.1239, 4102444800.123),
        (4102444800.23, 4102444800.23),
    ],
)
def test_an_instant_is_kept_to_the_millisecond(admin, sent, kept):
    assert admin.create_user_token(body={"validity_ts": sent}).ok(201)["validity_ts"] == kept
