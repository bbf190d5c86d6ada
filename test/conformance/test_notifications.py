"""Webhook subscriptions, grants, and our own operations on deliveries (2.12), through the vendor's client where it has the call."""

import base64
import hashlib
import itertools
import json
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from conftest import (
    BAD_BODY,
    BAD_PARAMETER,
    CONFLICT,
    FOREIGN,
    HOME,
    MALFORMED_UUIDS,
    NOT_FOUND,
    UNKNOWN,
    Answer,
    Client,
    assert_recent,
    new_entries,
    new_twin,
    send,
)
from receiver import Receiver, token_of

CLIENT_SECRET = "q3ZrT8_kVb-1mXyA"
WEEK = 604_800
PATHS = (f"/hook-{n}" for n in itertools.count())


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def path() -> str:
    return next(PATHS)


def subscribe(client: Client, receiver: Receiver, path: str, **body) -> dict:
    return client.webhook_subscribe(body={"callback_url": receiver.url + path, "topic": "red", **body}).ok(201)


def confirm(receiver: Receiver, path: str) -> dict:
    token = token_of(receiver.next(path, "Confirmation").body["confirmation_url"])
    return Client().webhook_confirm_subscription(HOME["account"], params={"token": token}).ok()


def ask(method: str, path: str, body: dict | None = None) -> Answer:
    """For our own operations, which the vendor's client does not have."""
    return send(method, path, None if body is None else json.dumps(body).encode(), HOME["secret"])


def test_a_subscription_is_answered_and_its_receiver_asked_to_confirm(admin, receiver, path):
    answer = subscribe(admin, receiver, path)
    named = {"topic": "red", "account": HOME["account"], "validity_ts": answer["subscription"]["validity_ts"]}
    assert answer.keys() == {"subscription", "callback_url", "signing_secret"}
    assert answer["subscription"] == named and answer["callback_url"] == receiver.url + path
    assert_recent(named["validity_ts"] - WEEK)
    message = receiver.next(path, "Confirmation").body
    assert list(message) == ["type", "message", "sent_ts", "confirmation_url", "subscription"]
    assert message["subscription"] == named


def test_the_official_library_verifies_messages(admin, receiver, path):
    secret = subscribe(admin, receiver, path)["signing_secret"]
    message = receiver.next(path, "Confirmation")
    assert Webhook(secret).verify(message.text, message.headers) == message.body
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(message.text.replace("red", "reb"), message.headers)


def test_the_old_client_can_take_a_token_apart(admin, receiver, path):
    subscribe(admin, receiver, path)
    token = token_of(receiver.next(path, "Confirmation").body["confirmation_url"])
    parts = base64.b64decode(token, validate=True).decode().split("___")
    assert len(parts) == 4 and parts[1] == HOME["account"]


def test_a_message_has_the_keyed_hash(admin, receiver, path):
    server_secret = subscribe(admin, receiver, path, client_secret=CLIENT_SECRET)["server_secret"]
    message = receiver.next(path, "Confirmation")
    digest = hashlib.blake2b(key=(CLIENT_SECRET + server_secret).encode(), digest_size=32)
    for name in ("type", "message", "sent_ts", "confirmation_url", "subscription"):
        value = message.body[name]
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        assert text in message.text
        digest.update(text.encode())
    assert message.body["hash"] == base64.b64encode(digest.digest()).decode()


def test_a_subscription_is_confirmed_refreshed_and_ended_by_links(admin, receiver, path):
    subscribe(admin, receiver, path, expires=3600)
    confirmed = confirm(receiver, path)
    nested = confirmed["subscription"]
    assert confirmed == {"subscription": nested, **nested}
    refresh = {"token": token_of(nested["refresh_url"])}
    refreshed = Client().webhook_refresh_subscription(HOME["account"], params=refresh).ok()
    assert refreshed.keys() == {"callback_url", "subscription"}
    assert_recent(refreshed["subscription"]["validity_ts"] - WEEK)
    with_hash = {"expires": 60, "client_secret": CLIENT_SECRET}
    again = Client().webhook_refresh_subscription(HOME["account"], params=refresh, body=with_hash).ok()
    assert_recent(again["subscription"]["validity_ts"] - 60)
    assert len(again["server_secret"]) == 16
    Client().webhook_refresh_subscription(HOME["account"], params=refresh, body={"expires": 0}).refused(BAD_BODY)
    end = {"token": token_of(nested["unsubscribe_url"])}
    ended = Client().webhook_unsubscribe(HOME["account"], params=end).ok()
    named = {key: again["subscription"][key] for key in ("topic", "account", "validity_ts")}
    assert ended == {"subscription": named, **named}
    Client().webhook_unsubscribe(HOME["account"], params=end).refused(NOT_FOUND)
    Client().webhook_refresh_subscription(HOME["account"], params=refresh).refused(NOT_FOUND)


@pytest.mark.parametrize("account", ["", HOME["account"], HOME["account"] + "/"], ids=["without", "with", "slash"])
def test_a_token_is_taken_with_and_without_an_account_in_the_path(admin, receiver, path, account):
    subscribe(admin, receiver, path)
    token = token_of(receiver.next(path, "Confirmation").body["confirmation_url"])
    for _ in range(2):
        send("GET", f"/notifications/webhooks/{account}?token={token}").ok()
    send("PATCH", f"/notifications/webhooks/{account}?token={token}").refused(NOT_FOUND)
    send("DELETE", f"/notifications/webhooks/{account}?token={token}").refused(NOT_FOUND)


@pytest.mark.parametrize("token", ["", "Y19f", base64.b64encode(f"c___{HOME['account']}___x___y".encode()).decode()])
def test_a_bad_token_leads_nowhere(anonymous, token):
    anonymous.webhook_confirm_subscription(HOME["account"], params={"token": token}).refused(NOT_FOUND)
    anonymous.webhook_confirm_subscription(FOREIGN["account"], params={"token": token}).refused(NOT_FOUND)
    anonymous.webhook_confirm_subscription(HOME["account"]).refused(BAD_PARAMETER)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"topic": "red"},
        {"callback_url": "https://hooks.example.org/x"},
        {"callback_url": "http://10.0.0.1/x", "topic": "red"},
        {"callback_url": "http://0xa9fea9fe/latest/meta-data", "topic": "red"},
        {"callback_url": "https://user:secret@hooks.example.org/x", "topic": "red"},
        {"callback_url": "ftp://hooks.example.org/x", "topic": "red"},
        {"callback_url": "https://hooks.example.org/" + "x" * 500, "topic": "red"},
        {"callback_url": "https://hooks.example.org/x", "topic": "a topic"},
        {"callback_url": "https://hooks.example.org/x", "topic": "red", "expires": WEEK + 1},
        {"callback_url": "https://hooks.example.org/x", "topic": "red", "client_secret": "short"},
    ],
    ids=repr,
)
def test_a_subscription_has_a_shape(admin, body):
    admin.webhook_subscribe(body=body).refused(BAD_BODY)


def test_topics_are_granted_to_other_accounts_and_withdrawn(admin):
    account = FOREIGN["account"]
    assert admin.update_notifications_account_access(account, body={"topics": ["b", "a", "b"]}).ok() == {"topics": ["b", "a"]}
    assert admin.get_notifications_access().ok()["accounts"][account] == {"topics": ["b", "a"]}
    assert admin.update_notifications_account_access(account, body={"publish": ["c"]}).ok() == {"topics": ["c"]}
    assert admin.update_notifications_account_access(account, body={"topics": []}).ok() == {"topics": []}
    assert account not in admin.get_notifications_access().ok()["accounts"]
    admin.update_notifications_account_access(account, body={"topics": ["a topic"]}).refused(BAD_BODY)
    for malformed in MALFORMED_UUIDS:
        admin.update_notifications_account_access(malformed, body={"topics": []}).refused(BAD_PARAMETER)


def test_a_topic_of_another_account_is_subscribed_to_by_its_account(admin, stranger, receiver, path):
    theirs = {"callback_url": receiver.url + path, "topic": "theirs", "account": FOREIGN["account"]}
    admin.webhook_subscribe(body=theirs).refused(CONFLICT)
    admin.webhook_subscribe(body={**theirs, "account": UNKNOWN}).refused(CONFLICT)
    for malformed in MALFORMED_UUIDS:
        admin.webhook_subscribe(body={**theirs, "account": malformed}).refused(BAD_BODY)
    stranger.update_notifications_account_access(HOME["account"], body={"topics": ["theirs"]}).ok()
    answer = admin.webhook_subscribe(body=theirs).ok(201)
    assert answer["subscription"].keys() == {"topic", "account", "validity_ts"}
    confirm(receiver, path)
    subscribe(admin, receiver, path + "/own", topic="theirs")
    token = token_of(receiver.next(path + "/own", "Confirmation").body["confirmation_url"])
    Client().webhook_confirm_subscription(HOME["account"], params={"token": token}).ok()
    twin = new_twin(admin)
    new_entries(stranger, twin, door={"value": "open", "publish": {"theirs": "true"}})
    message = receiver.next(path, "Notification").body
    assert list(message) == ["type", "trigger", "message", "twin", "event", "sent_ts", "subscription", "number", "publisher"]
    assert (message["publisher"], message["subscription"]["account"]) == (FOREIGN["account"], HOME["account"])
    new_entries(admin, twin, door={"value": "shut", "publish": {"theirs": "true"}})
    own = receiver.next(path + "/own", "Notification").body
    assert (own["publisher"], own["number"], own["event"]["door"]["new_value"]) == (HOME["account"], 1, "shut")
    stranger.update_notifications_account_access(HOME["account"], body={"topics": []}).ok()
    listed = ask("GET", "/notifications/subscriptions").ok()["subscriptions"]
    assert [(one["publisher"], one["state"]) for one in listed if one["topic"] == "theirs"] == [
        (FOREIGN["account"], "dormant"),
        (HOME["account"], "active"),
    ]


def test_another_account_is_granted_nothing(stranger):
    assert stranger.get_notifications_access().ok() == {"accounts": {}}
    assert Client("x").get_notifications_access().status == 401


def test_an_operator_sees_subscriptions_and_deliveries_with_their_attempts(admin, receiver, path):
    subscribe(admin, receiver, path, topic="operated")
    message = receiver.next(path, "Confirmation").body["message"]
    listed = ask("GET", "/notifications/deliveries?topic=operated&limit=1").ok()["deliveries"][0]
    assert listed["uuid"] == message
    deadline = time.time() + 10
    while (one := ask("GET", f"/notifications/deliveries/{message}").ok())["state"] != "delivered":
        assert time.time() < deadline, one
        time.sleep(0.05)
    assert [(each["number"], each["status"], "error" in each) for each in one["attempts"]] == [(1, 201, False)]
    subscription = ask("GET", f"/notifications/subscriptions/{one['subscription']}").ok()
    assert (subscription["state"], subscription["callback_url"]) == ("unconfirmed", receiver.url + path)
    assert subscription["health"] == {"messages": 0, "waiting": 0, "failed": 0}
    assert ask("POST", f"/notifications/subscriptions/{one['subscription']}/resume").ok(201) == subscription
    assert ask("POST", "/notifications/recover", {"since": 0, "topic": "operated"}).ok(201) == {"recovered": 0}
    assert ask("DELETE", f"/notifications/subscriptions/{one['subscription']}").ok() == subscription
    ask("DELETE", f"/notifications/subscriptions/{one['subscription']}").refused(NOT_FOUND)
    ask("POST", f"/notifications/deliveries/{UNKNOWN}/retry").refused(NOT_FOUND)
