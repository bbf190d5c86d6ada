"""Twins (2.6). What their descriptions do is in test_descriptions.py."""

import pytest

from conftest import (
    ALREADY_DONE,
    BAD_PARAMETER,
    BAD_RULE,
    CONFLICT,
    FLEET,
    FORBIDDEN,
    FOREIGN,
    HOME,
    MALFORMED_UUIDS,
    NOT_FOUND,
    UNKNOWN,
    UUID,
    Client,
    assert_recent,
    at_once,
    new_twin,
    send,
)

METER = {"object_type": "water meter", "serial": "12345"}


def test_a_twin_is_created_with_a_description(admin):
    twin = admin.create_twin(body={"description": METER}).ok(201)
    certificate = twin["creation_certificate"]
    assert certificate.keys() == {"uuid", "created_ts", "creator"}
    assert UUID.fullmatch(certificate["uuid"])
    assert certificate["creator"] == HOME["account"]
    assert_recent(certificate["created_ts"], twin["updated_ts"])
    assert twin == {
        "status": "alive",
        "owner": HOME["account"],
        "updated_ts": twin["updated_ts"],
        "creation_certificate": certificate,
        "description": METER,
    }
    assert admin.get_twin(certificate["uuid"]).ok() == twin


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_a_twin_is_created_from_nothing(admin, body):
    twin = admin.create_twin(body=body).ok(201)
    assert twin.keys() == {"status", "owner", "updated_ts", "creation_certificate"}


def test_a_twin_of_any_account_is_read_by_any_caller_who_knows_its_id(admin, stranger):
    twin = new_twin(admin, description=METER)
    assert stranger.get_twin(twin).ok() == admin.get_twin(twin).ok()


def test_an_unknown_twin_is_not_found(admin):
    admin.get_twin(UNKNOWN).refused(NOT_FOUND)
    admin.update_twin(UNKNOWN, body={"description": METER}).refused(NOT_FOUND)
    admin.terminate_twin(UNKNOWN).refused(NOT_FOUND)


@pytest.mark.parametrize("id", MALFORMED_UUIDS)
def test_an_id_of_a_twin_has_a_form(admin, id):
    admin.get_twin(id).refused(BAD_PARAMETER)
    admin.update_twin(id).refused(BAD_PARAMETER)
    admin.terminate_twin(id).refused(BAD_PARAMETER)


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_an_empty_update_of_a_twin_changes_nothing(admin, body):
    before = admin.create_twin(body={"description": METER}).ok(201)
    assert admin.update_twin(before["creation_certificate"]["uuid"], body=body).ok() == before


def test_only_the_owner_changes_a_twin(admin, stranger):
    twin = new_twin(admin, description=METER)
    stranger.update_twin(twin, body={"description": None}).refused(FORBIDDEN)
    stranger.terminate_twin(twin).refused(FORBIDDEN)
    assert admin.get_twin(twin).ok()["description"] == METER


def test_a_terminated_twin_has_a_certificate(admin):
    twin = new_twin(admin, description=METER)
    before = admin.get_twin(twin).ok()
    after = admin.terminate_twin(twin).ok()
    certificate = after["termination_certificate"]
    assert certificate.keys() == {"issuer", "terminated_ts"}
    assert certificate["issuer"] == HOME["account"]
    assert_recent(certificate["terminated_ts"])
    changes = {"status": "terminated", "updated_ts": after["updated_ts"], "termination_certificate": certificate}
    assert after == {**before, **changes}
    assert admin.get_twin(twin).ok() == after


def test_a_terminated_twin_cannot_be_terminated_again(admin):
    twin = new_twin(admin)
    admin.terminate_twin(twin).ok()
    assert admin.terminate_twin(twin).refused(ALREADY_DONE) == "Twin already terminated."


def test_a_twin_terminated_by_many_at_the_same_moment_is_terminated_once(admin):
    path = f"/twins/{new_twin(admin)}"
    answers = at_once(8, lambda: send("DELETE", path, auth=HOME["secret"]))
    assert sorted((answer.status, answer.body.get("subcode")) for answer in answers) == [
        (200, None),
        *[ALREADY_DONE] * 7,
    ]


def test_a_terminated_twin_keeps_its_description(admin, stranger):
    twin = new_twin(admin, description=METER)
    admin.terminate_twin(twin).ok()
    for body in ({"description": {}}, {"description": None}):
        admin.update_twin(twin, body=body).refused(CONFLICT)
        stranger.update_twin(twin, body=body).refused(FORBIDDEN)
    assert stranger.get_twin(twin).ok()["description"] == METER


@pytest.mark.parametrize("shown", [None, True, "true", "TRUE", "1"], ids=repr)
def test_terminated_twins_are_shown(admin, shown):
    twin = new_twin(admin)
    admin.terminate_twin(twin).ok()
    assert admin.get_twin(twin, params={"show_terminated": shown}).ok()["status"] == "terminated"


@pytest.mark.parametrize("shown", [False, "false", "fAlse", "0"], ids=repr)
def test_terminated_twins_are_hidden_on_request(admin, shown):
    twin = new_twin(admin)
    admin.get_twin(twin, params={"show_terminated": shown}).ok()
    admin.terminate_twin(twin).ok()
    hidden = admin.get_twin(twin, params={"show_terminated": shown}).refused(NOT_FOUND)
    assert hidden == admin.get_twin(UNKNOWN).refused(NOT_FOUND)


@pytest.mark.parametrize("value", ["yes", "2", "truee", "None"])
def test_a_boolean_in_a_query_has_a_form(admin, value):
    admin.get_twin(new_twin(admin), params={"show_terminated": value}).refused(BAD_PARAMETER)
    admin.scan_twins(params={"details": value}).refused(BAD_PARAMETER)


@pytest.fixture(scope="module")
def owner() -> Client:
    """Of an account in which no other test creates twins."""
    return Client(FLEET["secret"])


@pytest.fixture(scope="module")
def fleet(owner) -> list[str]:
    """More twins than the default page size, in the order of their creation; some are terminated."""
    twins = [new_twin(owner, description={"number": number}) for number in range(105)]
    for twin in twins[::10]:
        owner.terminate_twin(twin).ok()
    return twins


def scan(client: Client, cursor: str | None = None, **params) -> list[list]:
    """All pages of a scan from a cursor on."""
    pages = []
    while True:
        answer = client.scan_twins(params={"cursor": cursor, **params}).ok()
        assert answer.keys() == {"cursor", "twins"}
        pages.append(answer["twins"])
        cursor = answer["cursor"]
        if cursor is None:
            return pages
        assert type(cursor) is str and cursor


def test_a_scan_lists_the_ids_of_all_own_twins_in_the_order_of_their_creation(owner, fleet):
    pages = scan(owner, count=10)
    assert [len(page) for page in pages] == [10] * 10 + [5]
    assert [id for page in pages for id in page] == fleet


@pytest.mark.parametrize("count", [1, 34, 35, 105, 106, 1000])
def test_a_scan_ends_with_a_null_cursor_whatever_the_size_of_its_pages(owner, fleet, count):
    pages = scan(owner, count=count)
    assert sum(pages, []) == fleet
    assert [len(page) for page in pages[:-1]] == [count] * (len(pages) - 1)
    assert pages[-1]


def test_a_page_has_100_twins_by_default(owner, fleet):
    assert [len(page) for page in scan(owner)] == [100, 5]


def test_an_empty_cursor_starts_a_scan(owner, fleet):
    assert owner.scan_twins(params={"cursor": "", "count": 3}).ok()["twins"] == fleet[:3]


def test_a_scan_continues_where_it_was_when_twins_are_added(stranger):
    first, second = new_twin(stranger), new_twin(stranger)
    cursor = None
    while (page := stranger.scan_twins(params={"cursor": cursor, "count": 1}).ok())["twins"] != [first]:
        cursor = page["cursor"]
    third = new_twin(stranger)
    assert sum(scan(stranger, page["cursor"]), []) == [second, third]


@pytest.mark.parametrize("details", [True, "true", "1"], ids=repr)
def test_a_scan_lists_whole_twins_on_request(owner, fleet, details):
    page = owner.scan_twins(params={"details": details, "count": 12}).ok()["twins"]
    assert page == [owner.get_twin(id).ok() for id in fleet[:12]]
    assert {twin["status"] for twin in page} == {"alive", "terminated"}


@pytest.mark.parametrize("details", [False, "false", "0"], ids=repr)
def test_a_scan_lists_ids_on_request(owner, fleet, details):
    assert owner.scan_twins(params={"details": details, "count": 3}).ok()["twins"] == fleet[:3]


def test_pages_of_whole_twins_follow_each_other(owner, fleet):
    pages = scan(owner, count=50, details=True)
    assert [twin["creation_certificate"]["uuid"] for page in pages for twin in page] == fleet


def test_a_scan_lists_no_twins_of_other_accounts(owner, fleet, stranger):
    twin = new_twin(stranger)
    scanned = sum(scan(stranger), [])
    assert twin in scanned
    assert not set(scanned) & set(fleet)
    assert {twin["owner"] for page in scan(stranger, details=True) for twin in page} == {FOREIGN["account"]}


@pytest.mark.parametrize("count", [0, 1001, -1, "ten", "1.5", "1e2", "9" * 30])
def test_a_page_has_1_to_1000_twins(admin, count):
    admin.scan_twins(params={"count": count}).refused(BAD_PARAMETER)


@pytest.mark.parametrize("cursor", ["nonsense", "bm9uc2Vuc2U=", UNKNOWN, "%", "é"])
def test_a_cursor_is_one_that_a_scan_answered(admin, cursor):
    admin.scan_twins(params={"cursor": cursor}).refused(BAD_PARAMETER)


def test_a_match_that_does_not_compile_is_refused(admin):
    admin.scan_twins(params={"match": "LEDGER.serial >"}).refused(BAD_RULE)


def test_a_query_names_each_value_once(admin):
    send("GET", "/twins?count=1&count=2", auth=HOME["secret"]).refused(BAD_PARAMETER)


def test_twins_are_for_the_authenticated(anonymous, admin):
    twin = new_twin(admin)
    for answer in (anonymous.create_twin(), anonymous.get_twin(twin), anonymous.scan_twins()):
        assert answer.status == 401
