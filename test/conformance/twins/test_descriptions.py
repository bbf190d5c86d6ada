"""Descriptions (1.5) of users and of twins."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conftest import BAD_BODY, Answer, new_role

METER = {"object_type": "water meter", "serial": "12345"}
# Every kind of JSON value, under keys at the limits of their format.
MOTLEY = {
    "_": None,
    "a" * 64: [1, -0.5, 1e300, True, None, "ü𝄞\u0000 \"'\\/", {"Any Key": {}}],
    "nested": {"": {"UPPER case": [[[]]]}, "__proto__": {"x": 1}, "constructor": "own"},
    "a0_9": 9007199254740991,
}


@dataclass(frozen=True)
class Kind:
    """A thing with a description: how to create one with a body and get its id, and how to change and read it."""

    create: Callable[[dict], tuple[Answer, str]]
    update: Callable[[str, dict], Answer]
    get: Callable[[str], Answer]


@pytest.fixture(scope="module", params=["user", "twin"])
def kind(request, admin) -> Kind:
    if request.param == "twin":

        def create_twin(body: dict) -> tuple[Answer, str]:
            answer = admin.create_twin(body=body)
            return answer, answer.body.get("creation_certificate", {}).get("uuid")

        return Kind(create_twin, lambda id, body: admin.update_twin(id, body=body), admin.get_twin)

    role = new_role(admin)

    def create_user(body: dict) -> tuple[Answer, str]:
        answer = admin.create_user(body={"role": role, **body})
        return answer, answer.body.get("uuid")

    return Kind(create_user, lambda id, body: admin.update_user(id, body=body), admin.get_user)


@pytest.mark.parametrize("body", [{}, {"description": None}], ids=["absent", "null"])
def test_what_is_created_without_a_description_answers_none(kind, body):
    answer, id = kind.create(body)
    assert "description" not in answer.ok(201)
    assert "description" not in kind.get(id).ok()


@pytest.mark.parametrize("description", [{}, METER, MOTLEY], ids=["empty", "object", "motley"])
def test_a_description_is_kept_as_it_was_given(kind, description):
    answer, id = kind.create({"description": description})
    assert answer.ok(201)["description"] == description
    assert kind.get(id).ok()["description"] == description
    assert kind.update(id, {"description": {"old": True}}).ok()["description"] == {"old": True}
    assert kind.update(id, {"description": description}).ok()["description"] == description
    assert kind.get(id).ok()["description"] == description


def test_an_update_that_does_not_name_the_description_leaves_it(kind):
    _, id = kind.create({"description": METER})
    assert kind.update(id, {"something_else": 1}).ok()["description"] == METER
    assert kind.get(id).ok()["description"] == METER


def test_an_update_with_null_removes_the_description(kind):
    _, id = kind.create({"description": METER})
    assert "description" not in kind.update(id, {"description": None}).ok()
    assert "description" not in kind.get(id).ok()


def test_an_update_with_an_empty_object_empties_the_description(kind):
    _, id = kind.create({"description": METER})
    assert kind.update(id, {"description": {}}).ok()["description"] == {}
    assert kind.get(id).ok()["description"] == {}


def test_an_update_replaces_a_description_and_merges_nothing(kind):
    _, id = kind.create({"description": METER})
    assert kind.update(id, {"description": {"serial": "777"}}).ok()["description"] == {"serial": "777"}


def test_an_update_gives_a_description_to_what_had_none(kind):
    _, id = kind.create({})
    assert kind.update(id, {"description": METER}).ok()["description"] == METER


BAD_KEYS = ["Serial", "9lives", "a-b", "a b", "", "ä", "a" * 65, "a\n"]


@pytest.mark.parametrize("description", ["text", 7, True, [], [METER], *({key: 1} for key in BAD_KEYS)], ids=repr)
def test_a_description_has_a_form(kind, description):
    answer, _ = kind.create({"description": description})
    answer.refused(BAD_BODY)
    _, id = kind.create({"description": METER})
    kind.update(id, {"description": description}).refused(BAD_BODY)
    assert kind.get(id).ok()["description"] == METER
