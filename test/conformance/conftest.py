"""What the conformance tests share: the vendor's client, strict checks of responses, and users to call as.

`bun scripts/conformance.ts` starts the server, makes the accounts and hands both over in TWINPOST_CONFORMANCE.
Numbers such as 1.6 or 2.3 name sections of the API's specification.
"""

import http.client
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
from trustedtwin.tt_api import TTRESTService
from trustedtwin.tt_endpoints import ENDPOINTS

if "TWINPOST_CONFORMANCE" not in os.environ:
    pytest.exit("These tests are run by `bun scripts/conformance.ts`.", returncode=2)

SETUP = json.loads(os.environ["TWINPOST_CONFORMANCE"])
URL: str = SETUP["url"]
HOME, FOREIGN, FLEET = (SETUP["accounts"][name] for name in ("home", "foreign", "fleet"))

# The operations of 2.1-2.9, 2.11, 2.12 and 2.21; those of section 6 are not built.
BUILT = (
    *("who_am_i", "trace", "get_account", "update_account"),
    *("create_user", "get_users", "get_user", "update_user", "delete_user"),
    *("create_user_secret_pin", "create_user_secret", "get_user_secret", "update_user_secret", "delete_user_secret"),
    *("create_user_token", "refresh_user_token"),
    *("create_user_role", "get_user_roles", "get_user_role", "update_user_role", "delete_user_role"),
    *("create_twin", "get_twin", "update_twin", "terminate_twin", "scan_twins"),
    *("create_twin_identity", "get_twin_identities", "get_twin_identity", "update_twin_identity"),
    *("delete_twin_identity", "resolve_twin_identity"),
    *("add_twin_ledger_entry", "get_twin_ledger_entry", "update_twin_ledger_entry", "delete_twin_ledger_entry"),
    *("get_twin_ledger_entry_value", "update_twin_ledger_entry_value", "get_twin_ledger_entry_history"),
    *("put_sticker", "get_sticker", "get_stickers", "list_stickers", "remove_sticker"),
    *("webhook_subscribe", "webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe"),
    *("get_notifications_access", "update_notifications_account_access"),
)
UNBUILT = tuple(name for name in ENDPOINTS if name not in BUILT)

# Not subject to the role's statement (section 3).
UNGOVERNED = (
    *("who_am_i", "trace", "refresh_user_token", "create_user_secret"),
    *("webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe"),
)
GOVERNED = tuple(name for name in BUILT if name not in UNGOVERNED)

# Called without authentication (1.2).
OPEN = (
    *("create_user_secret", "download_doc"),
    *("webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe"),
)

UNKNOWN = "00000000-0000-4000-8000-000000000000"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MALFORMED_UUIDS = (
    "unknown",
    UNKNOWN.replace("-", ""),
    UNKNOWN.replace("-4000-", "-1000-"),
    "E5B20C97-3D48-4F16-92AB-4C8D7F1E6A05",
)

# Of users and roles (1.4).
MALFORMED_NAMES = ("a", "a" * 33, "-desk", " desk", "desk-", "desk\n", "tête", "", 7)

# Of an account and of users (2.1, 2.2).
LOG_TO_NOWHERE = {"visits": {"dimensions": {"profession": "{USER[profession]}"}}}
MALFORMED_LOGS = (
    "visits",
    7,
    [],
    {"Not A Table": {"dimensions": {}}},
    {"visits": None},
    {"visits": {"dimensions": []}},
)

# Rules of a role (2.5). Without rules its users reach nothing of other accounts; with these, everything visible to
# them.
LET_ALL = {"twin_rule": "true", "identity_rule": "true", "entry_rule": "true"}

PERMIT_EVERYTHING = {"effect": "deny", "actions": []}
PERMIT_NOTHING = {"effect": "allow", "actions": []}


def permit(*actions: str) -> dict:
    return {"effect": "allow", "actions": list(actions)}


class Refusal(NamedTuple):
    status: int
    subcode: int


TOO_LARGE = Refusal(400, 400141)
NOT_UTF8 = Refusal(400, 400314)
ALREADY_DONE = Refusal(400, 400358)
NOT_JSON = Refusal(400, 400415)
BAD_BODY = Refusal(400, 400589)
BAD_PARAMETER = Refusal(400, 400592)
BAD_RULE = Refusal(400, 400897)
CONFLICT = Refusal(400, 400979)
UNAUTHENTICATED = Refusal(401, 401000)
FORBIDDEN = Refusal(403, 403535)
NOT_FOUND = Refusal(404, 404653)

# The old client fails on any other number (1.9).
SUBCODES = {400141, 400314, 400358, 400415, 400589, 400592, 400897, 400979, 401000, 403535, 404653}


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict

    def ok(self, status: int = 200) -> dict:
        assert self.status == status, self
        return self.body

    def refused(self, refusal: Refusal) -> str:
        assert (self.status, self.body.get("subcode")) == refusal, self
        return self.body["description"]


def read_answer(status: int, content_type: str | None, text: str) -> Answer:
    """An answer; fails if it breaks a rule for all answers (1.6, 1.8, 1.9, 7)."""
    assert status in (200, 201, 400, 401, 403, 404), f"{status}: {text}"
    assert content_type == "application/json"
    body = json.loads(text)
    assert isinstance(body, dict), text
    if status < 400:
        assert_timestamps(body)
    else:
        assert {"subcode", "description", "trace"} <= body.keys() <= {"subcode", "description", "trace", "help"}, text
        assert type(body["subcode"]) is int and body["subcode"] in SUBCODES and body["subcode"] // 1000 == status, text
        assert type(body["description"]) is str and body["description"], text
        assert type(body["trace"]) is str and UUID.fullmatch(body["trace"]), text
    return Answer(status, body)


def assert_timestamps(value: Any) -> None:
    """Instants are numbers: Unix seconds with up to three decimals, or null where there may be none (1.6)."""
    for key, member in value.items() if isinstance(value, dict) else ():
        if key.endswith("_ts"):
            nullable = key == "validity_ts"
            assert type(member) in (int, float) or (nullable and member is None), f"{key}: {member!r}"
            assert member is None or abs(member * 1000 - round(member * 1000)) < 0.01, f"{key}: {member!r}"
        assert_timestamps(member)
    for member in value if isinstance(value, list) else ():
        assert_timestamps(member)


def assert_recent(*instants: float) -> None:
    for instant in instants:
        assert abs(instant - time.time()) < 60


# How often the vendor's client called each operation with success (True) and with an error (False).
CALLS: Counter[tuple[str, bool]] = Counter()


class Client:
    """The vendor's client for one caller: `client.get_user(id)` is an `Answer`. Counts calls in `CALLS`."""

    def __init__(self, auth: str | None = None, dictionary: dict | None = None):
        session = requests.Session()
        session.trust_env = False  # ignores the machine's proxy and .netrc
        session.hooks["response"].append(self._keep_response)
        self._service = TTRESTService(tt_auth=auth, tt_base=URL, tt_dict=dictionary, session=session)

    def _keep_response(self, response: requests.Response, *_: Any, **__: Any) -> None:
        # Here and not on the result: the client retries a 5xx response after two seconds.
        assert response.status_code < 500, response.text
        self._content_type = response.headers.get("content-type")

    def __getattr__(self, operation: str):
        call = getattr(self._service, operation)

        def noting(*args: Any, **options: Any) -> Answer:
            status, text = call(*args, **options)
            CALLS[operation, status < 400] += 1
            return read_answer(status, self._content_type, text)

        return noting


def call_somehow(client: Client, operation: str) -> Answer:
    """Calls any operation with arguments that are valid but refer to nothing."""
    _, _, path = ENDPOINTS[operation]
    values = {"account": HOME["account"], "pin": "N0P1N0", "ledger": "personal", "color": "red", "identity": "RFID#x1"}
    # The default statement permits everything, and few callers may grant that.
    body = {"statement": PERMIT_NOTHING} if operation == "create_user_role" else None
    return getattr(client, operation)(*(values.get(name, UNKNOWN) for name in path), body=body)


def send(
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None = None,
    auth: str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """A request exactly as given, for what the vendor's client cannot send. An iterator is sent in chunks."""
    connection = http.client.HTTPConnection(urlsplit(URL).netloc, timeout=10)
    sent = {
        "content-type": "application/json",
        **({"authorization": auth} if auth is not None else {}),
        **(headers or {}),
    }
    try:
        connection.request(method, path, body, sent, encode_chunked=body is not None and not isinstance(body, bytes))
        response = connection.getresponse()
        return read_answer(response.status, response.headers["content-type"], response.read().decode())
    finally:
        connection.close()


def at_once(times: int, request: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(request) for _ in range(times)]]


@dataclass(frozen=True)
class Person:
    """A user with a secret, and a client that calls as this user."""

    id: str
    role: str
    secret: str
    client: Client


def new_role(admin: Client, statement: dict = PERMIT_EVERYTHING, **body: Any) -> str:
    return admin.create_user_role(body={"statement": statement, **body}).ok(201)["uuid"]


def new_user(admin: Client, role: str | None = None, **body: Any) -> str:
    return admin.create_user(body={"role": role or new_role(admin), **body}).ok(201)["uuid"]


def new_pin(admin: Client, user: str, **body: Any) -> str:
    return admin.create_user_secret_pin(user, body=body).ok(201)["pin"]


def new_secret(admin: Client, user: str, **body: Any) -> dict:
    account = admin.who_am_i().ok()["account"]
    return Client().create_user_secret(account, new_pin(admin, user, **body)).ok(201)


def new_person(
    admin: Client, statement: dict = PERMIT_EVERYTHING, rules: dict | None = None, description: dict | None = None
) -> Person:
    role = new_role(admin, statement, rules=rules)
    user = new_user(admin, role, description=description)
    secret = new_secret(admin, user)["secret"]
    return Person(user, role, secret, Client(secret))


def new_twin(owner: Client, **body: Any) -> str:
    return owner.create_twin(body=body).ok(201)["creation_certificate"]["uuid"]


def new_identities(client: Client, twin: str, **identities: dict | None) -> dict:
    """Gives a twin identities of the kind RFID, named by their values."""
    body = {"identities": {f"RFID#{value}": identity for value, identity in identities.items()}}
    return client.create_twin_identity(twin, body=body).ok(201)["identities"]


def new_entries(client: Client, twin: str, **entries: dict) -> dict:
    added = client.add_twin_ledger_entry(twin, body={"entries": entries}).ok(201)["entries"]
    assert errors_of(added) == {}
    return added


def errors_of(items: dict) -> dict[str, str]:
    """The errors of failed items in an answer that itself succeeded (1.9)."""
    refused = {name: item for name, item in items.items() if isinstance(item, dict) and "error" in item}
    for item in refused.values():
        assert {"error"} <= item.keys() <= {"error", "detail"} and all(type(text) is str for text in item.values())
    return {name: item["error"] for name, item in refused.items()}


def soon(look: Callable[[], bool], seconds: float = 10) -> None:
    """Waits for background work of the server."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def admin() -> Client:
    """The super admin of the home account."""
    return Client(HOME["secret"])


@pytest.fixture(scope="session")
def stranger() -> Client:
    """The super admin of another account."""
    return Client(FOREIGN["secret"])


@pytest.fixture(scope="session")
def visitor(stranger) -> Client:
    """A user of the other account whose role permits everything of all accounts that is visible to them."""
    return new_person(stranger, rules=LET_ALL, description={"profession": "service"}).client


@pytest.fixture(scope="session")
def anonymous() -> Client:
    return Client()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test of completeness runs after everything that calls operations."""
    items.sort(key=lambda item: item.path.name == "test_completeness.py")
