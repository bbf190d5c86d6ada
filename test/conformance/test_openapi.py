"""The OpenAPI document: it is valid, it names what the vendor's client calls, and the server keeps to it.

Schemathesis makes requests from the document, good ones and bad ones, and compares the answers with the document. It
has a server and an account of its own: it makes hundreds of roles and users, and its many wrong PINs would use up the
patience that a server has with one address.
"""

import itertools
import json
import time
import urllib.request
from collections import defaultdict
from urllib.parse import unquote

import pytest
import requests
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi.checks import RejectedPositiveData
from trustedtwin.tt_endpoints import ENDPOINTS

from conftest import ALREADY_DONE, BAD_RULE, BUILT, CONFLICT, SETUP
from receiver import Receiver, token_of

# Our own operations in the same API: the vendor's client has none for documents.
OURS = [f"{verb}_twin_document" for verb in ("get", "put", "patch", "delete")]
OURS += ["list_twin_documents", "delete_twin_documents"]

URL = SETUP["fuzzed"]["url"]
CALLER = SETUP["fuzzed"]["account"]
DOCUMENT = json.load(urllib.request.urlopen(f"{URL}/openapi.json"))


def test_the_document_is_valid_openapi_3_1():
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_document_describes_what_the_vendors_client_calls():
    described = {
        operation["operationId"]: (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
        if operation["operationId"] not in OURS
    }
    called = {
        name: (method, path.format(*(f"{{{name}}}" for name in names)))
        for name, (method, path, names) in ENDPOINTS.items()
    }
    # Our own operations are documented too; the vendor's client does not have them.
    assert {name: described[name] for name in described if name in ENDPOINTS} == {name: called[name] for name in BUILT}


CONFIG = {
    "base-url": URL,
    "seed": 20241001,
    "warnings": False,
    # The speed at which a machine generates data says nothing about the server.
    "suppress-health-check": ["all"],
    "generation": {"max-examples": 50, "deterministic": True, "database": "none"},
    # Earlier responses must not influence later requests: the run would depend on random ids, and the fuzzer would
    # learn those of its own user and role. Then it could lock itself out: delete its secret, replace it by a PIN, or
    # restrict its role. Without them no operation has to be left out.
    "phases": {
        "examples": {"extra-data-sources": {"responses": False}},
        "coverage": {"extra-data-sources": {"responses": False}},
        "fuzzing": {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}},
        # Sequences of requests need links between operations, and the document has none.
        "stateful": {"enabled": False},
    },
    "checks": {
        # Expects 405; the original has no such status, and a wrong method is 404 (1.8).
        "unsupported_method": {"enabled": False},
    },
}

schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig.from_dict(CONFIG))


class Fodder:
    """Things that exist in the fuzzed account, whose ids replace made-up ones: those would refer to nothing."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._living: dict[str, str] = {}

    def get(self, name: str) -> str:
        if name in ("pin", "cursor", "name", "color"):  # can be used once, or expires soon
            return getattr(self, f"_{name}")()
        if name not in self._living:
            self._living[name] = getattr(self, f"_{name}")()
        return self._living[name]

    def forget(self, name: str) -> None:
        self._living.pop(name, None)

    def _ask(self, method: str, path: str, body: dict | None = None, auth: str = CALLER["secret"]) -> dict:
        response = self._session.request(method, URL + path, json=body, headers={"Authorization": auth})
        response.raise_for_status()
        return response.json()

    def _account(self) -> str:
        return CALLER["account"]

    def _role(self) -> str:
        return self._ask("POST", "/roles")["uuid"]

    def _user(self) -> str:
        user = self._ask("POST", "/users", {"role": self.get("role")})["uuid"]
        pin = self._ask("POST", f"/users/{user}/secrets")["pin"]
        self._ask("POST", f"/secrets/{CALLER['account']}/{pin}")
        return user

    def _pin(self) -> str:
        return self._ask("POST", f"/users/{self.get('user')}/secrets")["pin"]

    def _twin(self) -> str:
        return self._ask("POST", "/twins")["creation_certificate"]["uuid"]

    def _ledger(self) -> str:
        return "personal"

    def _name(self) -> str:
        self._ask("PUT", f"/twins/{self.get('twin')}/documents/state", {"data": {"a": 1}})
        return "state"

    def _color(self) -> str:
        color = f"c{next(TURNS['color'])}"
        stickers = {color: {"recipients": [CALLER["account"]]}}
        self._ask("POST", f"/twins/{self.get('twin')}/stickers", {"stickers": stickers})
        return color

    def _cursor(self) -> str:
        for _ in range(2):
            self._twin()
        return self._ask("GET", "/twins?count=1")["cursor"]

    def name_twin(self, identity: str) -> None:
        self._ask("POST", f"/twins/{self.get('twin')}/identities", {"identities": {identity: {}}})

    def _subscription(self) -> str:
        self.confirmation()
        return self._ask("GET", "/notifications/subscriptions")["subscriptions"][-1]["uuid"]

    def _delivery(self) -> str:
        return self._ask("GET", "/notifications/deliveries?limit=1")["deliveries"][0]["uuid"]

    def confirmation(self) -> str:
        """The confirmation link of a new subscription."""
        # An account has a maximum number of subscriptions per topic.
        topic = f"fodder-{next(TURNS['topic'])}"
        self._ask("POST", "/notifications/webhooks", {"callback_url": HOOKS.url + "/", "topic": topic, "expires": 600})
        return HOOKS.next("/", "Confirmation").body["confirmation_url"]

    def hook_token(self, operation: str) -> str:
        """A token that the operation accepts."""
        link = self.confirmation()
        if operation == "webhook_confirm_subscription":
            return token_of(link)
        confirmed = requests.get(URL + "/notifications/webhooks", params={"token": token_of(link)}).json()
        return token_of(confirmed["refresh_url" if operation == "webhook_refresh_subscription" else "unsubscribe_url"])

    def token(self) -> str:
        return self._ask("POST", "/token", {"options": ["refresh"]})["token"]


HOOKS = Receiver()
FODDER = Fodder()
HOOK_OPERATIONS = ("webhook_confirm_subscription", "webhook_refresh_subscription", "webhook_unsubscribe")
ENDED_BY = {
    "delete_subscription": "subscription",
    "delete_user": "user",
    "delete_user_secret": "user",
    "delete_user_role": "role",
    "terminate_twin": "twin",
}
TURNS: defaultdict[str, itertools.count] = defaultdict(itertools.count)
STATUSES: defaultdict[str, set[int]] = defaultdict(set)


def operation_of(case: schemathesis.Case) -> str:
    return case.operation.definition.raw["operationId"]


@schemathesis.hook
def before_call(context, case: schemathesis.Case, kwargs) -> None:
    """Makes three of four well-formed requests refer to something that exists."""
    if case.meta.generation.mode.is_negative:
        return
    # A schema cannot say that both spellings of a role's rule must have the same value.
    rules = case.body.get("rules") if isinstance(case.body, dict) else None
    for kind in ("twin", "identity", "entry") if isinstance(rules, dict) else ():
        if f"{kind}_rule" in rules:
            rules.pop(kind, None)
    # In the document a cursor is any text; the server accepts only one from an earlier page.
    if case.query.get("cursor"):
        if operation_of(case) == "scan_twins":
            case.query["cursor"] = FODDER.get("cursor")
        else:
            del case.query["cursor"]
    # In the document this is a URL; the server refuses private addresses, and the tests must not reach public ones.
    if isinstance(case.body, dict) and "callback_url" in case.body:
        case.body["callback_url"] = f"{HOOKS.url}/fuzzed"
    # A schema cannot say that an end is in the future.
    if operation_of(case) == "put_sticker" and isinstance(case.body, dict):
        for sticker in case.body["stickers"].values():
            if sticker.get("validity_ts") is not None:
                sticker["validity_ts"] = time.time() + 3600
    if next(TURNS[operation_of(case)]) % 4 == 3:
        return
    if operation_of(case) in HOOK_OPERATIONS:
        case.query["token"] = FODDER.hook_token(operation_of(case))
    for name, made_up in case.path_parameters.items():
        if name == "identity":  # any name is valid, so the twin gets this one
            FODDER.name_twin(unquote(made_up))
        else:
            # Changed parameters would be checked again, after the `#` of an identity is encoded.
            case.path = case.path.replace(f"{{{name}}}", FODDER.get(name))
    if isinstance(case.body, dict) and "role" in case.body:
        case.body["role"] = FODDER.get("role")


@schemathesis.hook
def after_call(context, case: schemathesis.Case, response) -> None:
    operation = operation_of(case)
    STATUSES[operation].add(response.status_code)
    if response.status_code == 200 and operation in ENDED_BY:
        FODDER.forget(ENDED_BY[operation])


@schemathesis.hook
def filter_failure(context, failure, case: schemathesis.Case, response) -> bool:
    """Ignores what a schema cannot say: valid requests refused for the current state or for a rule."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    refusal = response.json()
    beyond_schemas = (ALREADY_DONE.subcode, CONFLICT.subcode, BAD_RULE.subcode)
    null_in_array = "arrays cannot contain null values" in refusal.get("description", "")
    return refusal.get("subcode") not in beyond_schemas and not null_in_array


@schema.parametrize()
def test_answers_are_as_the_document_says(case: schemathesis.Case):
    refreshing = operation_of(case) == "refresh_user_token"
    case.call_and_validate(headers={"Authorization": FODDER.token() if refreshing else CALLER["secret"]})


@pytest.mark.parametrize("operation", [*BUILT, *OURS])
def test_the_document_was_tried_with_success(operation):
    assert STATUSES[operation] & {200, 201, 204}


def test_the_fuzzer_was_let_in_to_the_end():
    headers = {"Authorization": CALLER["secret"]}
    response = requests.get(f"{URL}/whoami", headers=headers)
    assert response.json() == {key: CALLER[key] for key in ("account", "user", "role")}
