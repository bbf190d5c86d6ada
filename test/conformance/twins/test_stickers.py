"""Stickers (2.11), through the vendor's client."""

import time

import pytest

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    CONFLICT,
    FOREIGN,
    HOME,
    MALFORMED_UUIDS,
    NOT_FOUND,
    UNKNOWN,
    at_once,
    assert_recent,
    new_person,
    new_twin,
    send,
)

COLORS = ("red", "Task-1", "in_work", "x" * 128, "7")
MALFORMED_COLORS = ("", "a b", "röt", "x" * 129, "a.b")


def put(client, twin: str, **stickers) -> dict:
    return client.put_sticker(twin, body={"stickers": stickers}).ok(201)["stickers"]


def lines(answer) -> list[tuple[str, str]]:
    return [(sticker["twin"], sticker["color"]) for sticker in answer.ok()["stickers"]]


def test_a_sticker_is_put_seen_and_removed(admin):
    worker = new_person(admin)
    twin = new_twin(admin)
    validity = round(time.time() + 3600, 3)
    wish = {
        "note": "Leaking valve, please repair",
        "recipients": [worker.id, HOME["user"]],
        "validity_ts": validity,
        "publish": {"on_put": ["red"], "on_remove": ["task-completed"], "on_expire": ["task-expired"]},
    }
    sticker = put(admin, twin, red=wish)["red"]
    assert_recent(sticker["created_ts"])
    assert sticker == {**wish, "created_ts": sticker["created_ts"]}
    brief = {key: sticker[key] for key in ("note", "validity_ts", "created_ts")}
    for client in (admin, worker.client):
        assert client.get_sticker(twin, "red").ok() == sticker
        assert client.get_stickers(twin).ok() == {"accounts": {HOME["account"]: {"red": brief}}}
        assert {"account": HOME["account"], "twin": twin, "color": "red", **brief} in client.list_stickers().ok()["stickers"]
    assert worker.client.remove_sticker(twin, "red").ok() == {"account": HOME["account"], **brief}
    for client in (admin, worker.client):
        assert client.get_sticker(twin, "red").refused(NOT_FOUND) == "Sticker not found."
        assert client.remove_sticker(twin, "red").refused(NOT_FOUND) == "Sticker not found."
        assert client.get_stickers(twin).ok() == {"accounts": {}}


def test_several_stickers_are_put_at_once_and_a_color_that_is_there_is_refused_alone(admin):
    worker = new_person(admin)
    twin = new_twin(admin)
    wish = {"recipients": [worker.id]}
    assert set(put(admin, twin, **dict.fromkeys(COLORS, wish))) == set(COLORS)
    again = put(admin, twin, red={**wish, "note": "again"}, blue=wish)
    assert again["red"] == {"error": "Sticker already exists."}
    assert again["blue"]["note"] is None
    assert sorted(lines(worker.client.list_stickers())) == sorted((twin, color) for color in (*COLORS, "blue"))
    for color in COLORS:
        worker.client.remove_sticker(twin, color).ok()


def test_a_sticker_lives_a_year_unless_told_otherwise(admin):
    twin = new_twin(admin)
    sticker = put(admin, twin, red={"recipients": [HOME["user"]]})["red"]
    assert sticker["validity_ts"] - sticker["created_ts"] == pytest.approx(365 * 86400)


def test_the_older_forms_of_note_and_publish_are_understood(admin):
    twin = new_twin(admin)
    sticker = put(
        admin, twin, red={"message": "Old", "recipients": [HOME["user"]], "publish": ["on_put", "on_expire"]}
    )["red"]
    assert sticker["note"] == "Old"
    assert sticker["publish"] == {"on_put": ["red"], "on_expire": ["red"]}


@pytest.mark.parametrize("addressed", ["user", "role", "account"])
def test_recipients_are_users_roles_and_accounts_also_of_others(admin, stranger, addressed):
    twin = new_twin(admin)
    put(admin, twin, red={"recipients": [FOREIGN[addressed]]})
    admin.get_sticker(twin, "red").refused(NOT_FOUND)
    assert stranger.get_sticker(twin, "red").ok()["recipients"] == [FOREIGN[addressed]]
    stranger.remove_sticker(twin, "red").refused(NOT_FOUND)
    removed = stranger.remove_sticker(twin, "red", params={"context": HOME["account"]}).ok()
    assert removed["account"] == HOME["account"]


def test_a_context_is_the_creating_account(admin, stranger):
    worker = new_person(admin)
    twin = new_twin(admin)
    wish = {"recipients": [worker.id]}
    put(admin, twin, red={**wish, "note": "ours"})
    put(stranger, twin, red={**wish, "note": "theirs"})
    client = worker.client
    assert client.get_sticker(twin, "red").ok()["note"] == "ours"
    assert client.get_sticker(twin, "red", params={"context": FOREIGN["account"]}).ok()["note"] == "theirs"
    assert set(client.get_stickers(twin).ok()["accounts"]) == {HOME["account"], FOREIGN["account"]}
    assert set(client.get_stickers(twin, params={"context": "personal"}).ok()["accounts"]) == {HOME["account"]}
    assert len(lines(client.list_stickers())) == 1
    assert len(lines(client.list_stickers(params={"context": "system"}))) == 2
    assert len(lines(client.list_stickers(params={"context": FOREIGN["account"]}))) == 1
    client.remove_sticker(twin, "red", params={"context": "system"}).refused(CONFLICT)
    assert client.remove_sticker(twin, "red").ok()["note"] == "ours"
    assert client.remove_sticker(twin, "red", params={"context": "system"}).ok()["note"] == "theirs"


def test_a_list_is_newest_first_and_is_paged(admin):
    worker = new_person(admin)
    wish = {"recipients": [worker.role]}
    twins = [new_twin(admin) for _ in range(3)]
    for twin in twins:
        put(admin, twin, red=wish, blue=wish)
    client = worker.client
    everything = lines(client.list_stickers())
    assert everything == [(twin, color) for twin in reversed(twins) for color in ("red", "blue")]
    pages = [lines(client.list_stickers(params={"limit": 4, "offset": offset})) for offset in (0, 4, 8)]
    assert pages == [everything[:4], everything[4:], []]
    assert lines(client.list_stickers(params={"color": "blue"})) == everything[1::2]
    second = client.get_sticker(twins[1], "red").ok()["created_ts"]
    assert lines(client.list_stickers(params={"ge": second, "le": second})) == everything[2:4]


def test_a_sticker_expires(admin):
    worker = new_person(admin)
    twin = new_twin(admin)
    put(admin, twin, red={"recipients": [worker.id], "validity_ts": time.time() + 1})
    assert lines(worker.client.list_stickers()) == [(twin, "red")]
    time.sleep(1.01)
    worker.client.get_sticker(twin, "red").refused(NOT_FOUND)
    worker.client.remove_sticker(twin, "red").refused(NOT_FOUND)
    assert lines(worker.client.list_stickers()) == []
    put(admin, twin, red={"recipients": [worker.id]})["red"]["created_ts"]


def test_of_many_who_remove_a_sticker_at_once_one_succeeds(admin):
    worker = new_person(admin)
    twin = new_twin(admin)
    put(admin, twin, red={"recipients": [worker.id]})
    answers = at_once(16, lambda: send("DELETE", f"/twins/{twin}/stickers/red", auth=worker.secret))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 15


@pytest.mark.parametrize(
    "sticker",
    [
        None,
        {},
        {"recipients": []},
        {"recipients": "unknown"},
        {"recipients": ["unknown"]},
        {"recipients": [UNKNOWN], "note": "x" * 513},
        {"recipients": [UNKNOWN], "validity_ts": 1},
        {"recipients": [UNKNOWN], "validity_ts": time.time() + 366 * 86400},
        {"recipients": [UNKNOWN], "publish": {"on_time": ["x"]}},
        {"recipients": [UNKNOWN], "publish": {"on_put": ["a b"]}},
        {"recipients": [UNKNOWN], "publish": ["on_time"]},
        {"recipients": [f"00000000-0000-4000-8000-{i:012}" for i in range(101)]},
    ],
    ids=str,
)
def test_a_sticker_that_is_none_refuses_the_whole_request(admin, sticker):
    twin = new_twin(admin)
    fine = {"recipients": [HOME["user"]]}
    admin.put_sticker(twin, body={"stickers": {"fine": fine, "red": sticker}}).refused(BAD_BODY)
    assert admin.get_stickers(twin).ok() == {"accounts": {}}


@pytest.mark.parametrize("body", [None, {}, {"stickers": None}, {"stickers": []}], ids=str)
def test_a_put_has_stickers(admin, body):
    admin.put_sticker(new_twin(admin), body=body).refused(BAD_BODY)


@pytest.mark.parametrize("color", MALFORMED_COLORS)
def test_a_color_has_a_form(admin, color):
    twin = new_twin(admin)
    admin.put_sticker(twin, body={"stickers": {color: {"recipients": [UNKNOWN]}}}).refused(BAD_BODY)
    if color:
        admin.get_sticker(twin, color).refused(BAD_PARAMETER)
        admin.remove_sticker(twin, color).refused(BAD_PARAMETER)


@pytest.mark.parametrize(
    "params",
    [{"limit": 101}, {"limit": -1}, {"offset": -1}, {"ge": "x"}, {"le": -1}, {"context": "all"}, {"color": "a b"}],
    ids=str,
)
def test_a_query_has_a_form(admin, params):
    admin.list_stickers(params=params).refused(BAD_PARAMETER)


@pytest.mark.parametrize("id", [UNKNOWN, *MALFORMED_UUIDS])
def test_there_are_stickers_on_twins_only(admin, id):
    refusal = NOT_FOUND if id == UNKNOWN else BAD_PARAMETER
    admin.get_stickers(id).refused(refusal)
    admin.get_sticker(id, "red").refused(refusal)
    admin.remove_sticker(id, "red").refused(refusal)
    admin.put_sticker(id, body={"stickers": {"red": {"recipients": [UNKNOWN]}}}).refused(refusal)


def test_a_terminated_twin_takes_stickers(admin):
    twin = new_twin(admin)
    admin.terminate_twin(twin).ok()
    put(admin, twin, red={"recipients": [HOME["user"]]})
    admin.remove_sticker(twin, "red").ok()
