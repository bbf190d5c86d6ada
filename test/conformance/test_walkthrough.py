"""The vendor's tutorial as one story: steps 1-40 of the specification's section 5, each building on the previous ones.

It uses the vendor's client wherever that has the call in this form. Only what the client cannot send is sent directly:
paths with the tutorial's trailing slash (17-19), the confirmation without an account in its path (26), and links exactly
as they are in a message (39).
"""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from conftest import (
    FORBIDDEN,
    HOME,
    NOT_FOUND,
    UNAUTHENTICATED,
    Answer,
    Client,
    assert_recent,
    at_once,
    errors_of,
    permit,
    send,
)
from receiver import Receiver, token_of

M = HOME["account"]
DAY = 86_400
REVIEW_SECONDS = 6
# If no message arrives in this time, none is expected any more.
SILENCE_SECONDS = 1

METER_COMPANY = permit(
    *("get_account", "get_user", "get_users", "get_user_role", "get_user_roles", "get_user_secret"),
    *("create_twin", "get_twin", "update_twin", "terminate_twin", "scan_twins"),
    *("add_twin_ledger_entry", "get_twin_ledger_entry", "update_twin_ledger_entry", "delete_twin_ledger_entry"),
    *("get_twin_ledger_entry_value", "update_twin_ledger_entry_value", "get_twin_ledger_entry_history"),
    *("put_sticker", "get_sticker", "get_stickers", "list_stickers", "remove_sticker"),
    *("webhook_subscribe", "get_notifications_access", "update_notifications_account_access"),
)
CONTRACTOR = permit(
    *("who_am_i", "get_user", "get_user_role", "get_user_secret"),
    *("get_sticker", "get_stickers", "list_stickers", "remove_sticker"),
    *("webhook_subscribe", "webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe"),
)
ENTRIES = {
    "reading": {"value": 4821.7, "visibility": "USER.profession == 'service'", "history": "1M"},
    "battery": {"value": 93},
    "log": {"value": []},
    "location": {"value": {"lat": 54.35, "lon": 18.65}},
}


@dataclass(frozen=True)
class Worker:
    user: str
    role: str
    pin: str
    secret: str
    client: Client


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def bring_in(admin: Client, name: str, role_name: str, statement: dict) -> Worker:
    """A role, a user who has it, a PIN, and the secret that it is exchanged for: steps 3-6 and 12-15."""
    role = admin.create_user_role(body={"name": role_name, "statement": statement}).ok(201)
    assert (role["name"], role["account"], role["statement"]) == (role_name, M, statement)
    assert role["rules"] == {"twin_rule": None, "entry_rule": None, "identity_rule": None}
    user = admin.create_user(body={"name": name, "role": role["uuid"]}).ok(201)
    assert (user["role"], user["account"], user["name"], user["activity"]) == (role["uuid"], M, name, None)
    pin = admin.create_user_secret_pin(user["uuid"]).ok(201)["pin"]
    redeemed = Client().create_user_secret(M, pin).ok(201)
    assert (redeemed["account"], redeemed["user"], redeemed["validity_ts"]) == (M, user["uuid"], None)
    return Worker(user["uuid"], role["uuid"], pin, redeemed["secret"], Client(redeemed["secret"]))


def create_meter(desk: Worker, serial: str) -> str:
    """Steps 7 and 8, and 10 and 11."""
    description = {
        "application_name": "Water meters",
        "object_type": "water meter",
        "serial": serial,
        "website": "https://meters.example.org",
    }
    twin = desk.client.create_twin(body={"description": description}).ok(201)
    certificate = twin["creation_certificate"]
    assert (twin["status"], twin["owner"], certificate["creator"], twin["description"]) == ("alive", M, M, description)
    entries = desk.client.add_twin_ledger_entry(certificate["uuid"], body={"entries": ENTRIES}).ok(201)["entries"]
    assert errors_of(entries) == {} and entries.keys() == ENTRIES.keys()
    for name, entry in entries.items():
        assert entry == {**entry, **ENTRIES[name]}
        assert_recent(entry["entry_created_ts"], entry["entry_updated_ts"], entry["value_changed_ts"])
    return certificate["uuid"]


def subscribe(worker: Worker, receiver: Receiver, path: str, topic: str, **body) -> dict:
    """The response of subscribing, and the resulting confirmation message."""
    wish = {"callback_url": receiver.url + path, "topic": topic, **body}
    answer = worker.client.webhook_subscribe(body=wish).ok(201)
    subscription = answer["subscription"]
    assert (answer["callback_url"], subscription["topic"], subscription["account"]) == (wish["callback_url"], topic, M)
    assert_recent(subscription["validity_ts"] - body.get("expires", 7 * DAY))
    message = receiver.next(path, "Confirmation").body
    assert message["subscription"] == subscription and "hash" not in message
    return message


def by_link(method: str, url: str, body: bytes | None = None) -> Answer:
    parts = urlsplit(url)
    return send(method, f"{parts.path}?{parts.query}", body)


def colors(worker: Worker) -> list[str]:
    return [sticker["color"] for sticker in worker.client.list_stickers().ok()["stickers"]]


def test_the_story_of_the_meter_company(admin, receiver):
    # Part A: the environment and the meter company. 1, 2
    me = admin.who_am_i().ok()
    assert me == {"account": M, "user": HOME["user"], "role": HOME["role"]}
    role = admin.get_user_role(me["role"]).ok()
    assert (role["name"], role["statement"]) == ("Super Admin", {"effect": "deny", "actions": []})
    assert role["rules"] == {"twin_rule": None, "entry_rule": None, "identity_rule": None}

    # 3-6, 7-9, 10 and 11
    desk = bring_in(admin, "Meter desk", "Meter company", METER_COMPANY)
    twin = create_meter(desk, "12345")
    again = desk.client.add_twin_ledger_entry(twin, body={"entries": ENTRIES}).ok(201)["entries"]
    assert again == {name: {"error": "Entry already exists."} for name in ENTRIES}
    stored = desk.client.get_twin_ledger_entry(twin).ok()["entries"]
    assert {name: entry["value"] for name, entry in stored.items()} == {
        name: entry["value"] for name, entry in ENTRIES.items()
    }
    assert create_meter(desk, "12346") != twin

    # Part B: the contractor. 12-15, 16
    contractor = bring_in(admin, "Contractor", "Contractor", CONTRACTOR)
    assert contractor.client.who_am_i().ok() == {"account": M, "user": contractor.user, "role": contractor.role}

    # Part C: stickers. 17
    stickers = f"/twins/{twin}/stickers"
    assert send("GET", f"{stickers}/", auth=desk.secret).ok() == {"accounts": {}}
    assert desk.client.get_stickers(twin).ok() == {"accounts": {}}

    # 18: the review ends within this story, the repair tomorrow
    review_ends = round(time.time() + REVIEW_SECONDS, 3)
    red = {
        "note": "Leaking valve, please repair",
        "recipients": [contractor.user, desk.user],
        "validity_ts": round(time.time() + DAY, 3),
        "publish": {"on_put": ["red"], "on_remove": ["task-completed"], "on_expire": ["task-expired"]},
    }
    yellow = {
        **red,
        "note": "Yearly review",
        "validity_ts": review_ends,
        "publish": {**red["publish"], "on_put": ["yellow"]},
    }
    put = desk.client.put_sticker(twin, body={"stickers": {"red": red, "yellow": yellow}}).ok(201)["stickers"]
    assert put == {"red": {**put["red"], **red}, "yellow": {**put["yellow"], **yellow}}
    first_red = {key: put["red"][key] for key in ("note", "validity_ts", "created_ts")}

    # 19, 20, 21, 22, 23
    seen = send("GET", f"{stickers}/", auth=desk.secret).ok()["accounts"]
    assert seen == desk.client.get_stickers(twin).ok()["accounts"]
    assert seen.keys() == {M} and seen[M].keys() == {"red", "yellow"} and seen[M]["red"] == first_red
    assert colors(contractor) == ["yellow", "red"]
    assert contractor.client.remove_sticker(twin, "red").ok() == {"account": M, **first_red}
    assert colors(contractor) == ["yellow"]
    assert desk.client.get_sticker(twin, "red").refused(NOT_FOUND) == "Sticker not found."

    # 37, begun here: the review does not wait, so the subscription to its expiry has to come first.
    expiry = subscribe(desk, receiver, "/expired", "task-expired")
    Client().webhook_confirm_subscription(M, params={"token": token_of(expiry["confirmation_url"])}).ok()

    # Part D: notifications. 24, 25
    message = subscribe(contractor, receiver, "/contractor", "red", expires=7 * DAY)
    assert list(message) == ["type", "message", "sent_ts", "confirmation_url", "subscription"]
    confirmation_url = message["confirmation_url"]

    # 26, in the tutorial's form and in the client's
    token = token_of(confirmation_url)
    links = send("GET", f"/notifications/webhooks/?token={token}").ok()["subscription"]
    assert Client().webhook_confirm_subscription(M, params={"token": token}).ok()["subscription"] == links
    assert {"unsubscribe_url", "refresh_url"} <= links.keys()

    # 27, 28
    red_again = desk.client.put_sticker(twin, body={"stickers": {"red": red}}).ok(201)["stickers"]["red"]
    notification = receiver.next("/contractor", "Notification").body
    assert (notification["trigger"], notification["twin"], notification["subscription"]["topic"]) == ("sticker.put", twin, "red")
    event = {key: red_again[key] for key in ("note", "validity_ts", "created_ts")}
    assert notification["event"] == {"color": "red", **event, "account": M}

    # 29, 30, 31
    completion = subscribe(desk, receiver, "/meter", "task-completed")
    Client().webhook_confirm_subscription(M, params={"token": token_of(completion["confirmation_url"])}).ok()

    # 32, 33
    assert contractor.client.remove_sticker(twin, "red").ok() == {"account": M, **event}
    notification = receiver.next("/meter", "Notification").body
    assert (notification["trigger"], notification["subscription"]["topic"]) == ("sticker.removed", "task-completed")
    assert notification["event"]["color"] == "red"

    # Part E: around the tutorial. 34, 35, 36
    Client().create_user_secret(M, desk.pin).refused(NOT_FOUND)
    Client().who_am_i().refused(UNAUTHENTICATED)
    Client("A" * 64).who_am_i().refused(UNAUTHENTICATED)
    contractor.client.create_twin(body={}).refused(FORBIDDEN)
    desk.client.create_user(body={"role": desk.role}).refused(FORBIDDEN)

    # 37
    notification = receiver.next("/expired", "Notification", seconds=REVIEW_SECONDS + 10).body
    assert (notification["trigger"], notification["event"]["color"]) == ("sticker.expired", "yellow")
    assert 0 <= notification["sent_ts"] - review_ends <= 1, "at its end, within a second"
    assert colors(contractor) == []

    # 38, 39
    refresh = {"token": token_of(links["refresh_url"])}
    refreshed = Client().webhook_refresh_subscription(M, params=refresh, body={"expires": DAY}).ok()["subscription"]
    assert_recent(refreshed["validity_ts"] - DAY)
    ended = Client().webhook_unsubscribe(M, params={"token": token_of(links["unsubscribe_url"])}).ok()
    assert ended["topic"] == "red"
    for method, url in (
        ("GET", confirmation_url),
        ("PATCH", links["refresh_url"]),
        ("DELETE", links["unsubscribe_url"]),
    ):
        by_link(method, url).refused(NOT_FOUND)
    desk.client.put_sticker(twin, body={"stickers": {"red": red}}).ok(201)

    # 40
    secrets = iter((desk.secret, contractor.secret))
    answers = at_once(2, lambda: send("DELETE", f"{stickers}/red", auth=next(secrets)))
    assert sorted(answer.status for answer in answers) == [200, 404]
    assert receiver.next("/meter", "Notification").body["trigger"] == "sticker.removed"

    # No unexpected messages; a notice that a subscription lapses within a day is ignored.
    time.sleep(SILENCE_SECONDS)
    assert [one for one in receiver.left() if one.body["type"] != "Expiring"] == []
