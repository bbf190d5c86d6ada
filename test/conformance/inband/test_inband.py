"""The alarm panel's walk-through (section 7, steps 1 to 26), with stock MQTT clients over all their transports."""

import json
import shutil
from collections.abc import Callable
from typing import NamedTuple

import paho.mqtt.client as paho
import pytest
import requests

from conftest import FLEET, HOME, SETUP, URL
from devices import Device, Heard, MosquittoDevice, MqttJsDevice, PahoDevice, Refused, connected

BASE = f"{URL}/iot/v1/regions/fr-par"
TCP = int(SETUP["mqtt"].rsplit(":", 1)[1])
WEB = int(URL.rsplit(":", 1)[1])
ME = "$SCW/twins/me"
TOOLS = ("mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "stdbuf")

CLIENTS: dict[str, Callable[..., Device]] = {
    "paho, TCP": lambda name, **own: PahoDevice(TCP, "tcp", paho.MQTTv311, name, **own),
    "paho, WebSocket": lambda name, **own: PahoDevice(WEB, "websockets", paho.MQTTv311, name, **own),
    "paho, MQTT 3.1, TCP": lambda name, **own: PahoDevice(TCP, "tcp", paho.MQTTv31, name, **{"client_id": "a", **own}),
    "paho, MQTT 5, TCP": lambda name, **own: PahoDevice(TCP, "tcp", paho.MQTTv5, name, **own),
    "paho, MQTT 5, WebSocket": lambda name, **own: PahoDevice(WEB, "websockets", paho.MQTTv5, name, **own),
    "mqtt.js, TCP": lambda name, **own: MqttJsDevice(f"mqtt://127.0.0.1:{TCP}", name, **own),
    "mqtt.js, WebSocket": lambda name, **own: MqttJsDevice(f"ws://127.0.0.1:{WEB}", name, **own),
    "mqtt.js, MQTT 5, WebSocket": lambda name, **own: MqttJsDevice(f"ws://127.0.0.1:{WEB}", name, protocol=5, **own),
    "mosquitto, TCP": lambda name, **own: MosquittoDevice(TCP, name, **own),
}


class Said(NamedTuple):
    status: int
    body: dict | None


def app(method: str, path: str, body: dict | None = None) -> Said:
    """The phone app's request, as the tutorial's curl sends it: JSON labelled as a form."""
    headers = {"X-Auth-Token": HOME["token"], "Content-Type": "application/x-www-form-urlencoded"}
    data = None if body is None else json.dumps(body)
    answer = requests.request(method, BASE + path, headers=headers, data=data, timeout=30)
    return Said(answer.status_code, answer.json() if answer.content else None)


def create_device(hub: str, name: str, **fields) -> str:
    """Step 3."""
    status, body = app("POST", "/devices", {"hub_id": hub, "name": name, "allow_insecure": True, **fields})
    assert status == 200 and body["certificate"].keys() == {"crt", "key"}, body
    return body["device"]["id"]


@pytest.fixture
def hub(request) -> str:
    """Steps 1 and 2."""
    body = {"project_id": HOME["account"], "name": request.node.name[:200], "product_plan": "plan_dedicated"}
    status, hub = app("POST", "/hubs", body)
    assert (status, hub["enabled"], hub["events_topic_prefix"]) == (200, True, "$SCW/events")
    assert app("GET", f"/hubs/{hub['id']}").body["status"] == "ready"
    return hub["id"]


@pytest.fixture(params=CLIENTS)
def connect(request) -> Callable[..., Device]:
    if request.param.startswith("mosquitto") and not all(shutil.which(tool) for tool in TOOLS):
        pytest.skip("mosquitto-clients is not installed")
    return CLIENTS[request.param]


def request_of(device: Device) -> Callable[..., dict]:
    def ask(name: str, method: str, body: dict | None, expected: str = "success") -> dict:
        topic = f"{ME}/{name}/{method}"
        heard = device.ask(topic, "" if body is None else json.dumps(body), expected)
        assert heard.topic == f"{topic}/response/{expected}"
        return json.loads(heard.text)

    return ask


def heard_before(device: Device, hub_member: str, connect: Callable[..., Device], marker: str) -> list[Heard]:
    """What a device has received; a marker message on a topic that it also subscribes to proves that this is all."""
    with connected(connect(hub_member, client_id="marker")) as other:
        other.publish(marker, "end", qos=1)
    heard = []
    while (one := device.next()) != Heard(marker, "end"):
        heard.append(one)
    return heard


def test_the_walk_through(hub, connect):
    panel = create_device(hub, "panel", allow_multiple_connections=True)
    other = create_device(hub, "other", allow_multiple_connections=True)
    twin = f"/twins/{panel}"
    documents = f"{twin}/documents"

    # 4, 5
    assert app("GET", f"/devices/{panel}").body["is_connected"] is False
    with (
        connected(connect(panel, client_id="panel")) as device,
        connected(connect(other, client_id="listens")) as bystander,
        connected(connect(panel, client_id="second")) as second,
    ):
        # For 20 and 21: other devices that subscribe throughout.
        assert bystander.subscribe("#", "$SCW/#", "$SCW/twins/#", "marker/bystander") == [0, 0, 0, 0]
        assert second.subscribe(f"{ME}/#", "marker/second") == [0, 0]
        if not isinstance(device, MosquittoDevice):
            assert device.subscribe(f"{ME}/#") == [0]
        assert app("GET", f"/devices/{panel}").body["is_connected"] is True
        ask = request_of(device)
        ids = {"twin_id": panel, "document_name": "desired"}

        # 6
        assert ask("desired", "get", None, "error") == {"error": "document not found", **ids}
        # 7
        desired = {**ids, "version": 1, "data": {"alarm_armed": True}}
        assert app("PUT", f"{documents}/desired", {"data": {"alarm_armed": True}}) == (200, desired)
        # 8: also proves that no message came unasked
        assert ask("desired", "get", None) == desired
        # 9
        status, body = app("GET", f"{documents}/current")
        assert (status, body["type"]) == (404, "not_found")
        # 10
        data = {"last_update": "t1", "alarm_armed": False, "siren_ringing": False, "door_open": True}
        current = {"twin_id": panel, "document_name": "current", "version": 1, "data": data}
        assert ask("current", "put", {"data": data}) == current
        # 11
        assert app("GET", f"{documents}/current") == (200, current)
        # 12
        changed = {**data, "last_update": "t2", "door_open": False}
        patch = {"data": {"last_update": "t2", "door_open": False}}
        assert ask("current", "patch", patch) == {**current, "version": 2, "data": changed}
        # 13
        listed = [{"document_name": "current"}, {"document_name": "desired"}]
        assert app("GET", twin) == (200, {"documents": listed})

        # 14, 15, 16
        concurrency = {"twin_id": panel, "document_name": "concurency"}
        path = f"{documents}/concurency"
        assert app("PUT", path, {"data": {"test_value": "initial"}}).body["version"] == 1
        first = {"test_value": "first actor"}
        assert app("PUT", path, {"version": 1, "data": first}) == (200, {**concurrency, "version": 2, "data": first})
        detail = {"argument_name": "version", "reason": "constraint", "help_message": "document version mismatch"}
        refusal = {"type": "invalid_arguments", "message": "invalid argument(s)", "details": [detail]}
        assert app("PUT", path, {"version": 1, "data": {"test_value": "second actor"}}) == (400, refusal)
        assert app("GET", path).body["data"] == first

        # 17, 18, 19
        value = {"test_value": "MQTT actor"}
        mismatch = {"error": "document version mismatch", **concurrency, "expected_version": 1, "actual_version": 2}
        assert ask("concurency", "put", {"version": 1, "data": value}, "error") == mismatch
        third = {**concurrency, "version": 3, "data": value}
        assert ask("concurency", "put", {"version": 2, "data": value}) == third
        assert app("GET", path) == (200, third)

        # 20, 21
        assert heard_before(bystander, other, connect, "marker/bystander") == []
        assert heard_before(second, other, connect, "marker/second") == []

    # 22
    assert app("PUT", path, {"version": 0, "data": {"a": 1, "b": 2}}).body["version"] == 4
    # 23
    assert app("PATCH", path, {"data": {"a": None}}).body["data"] == {"b": 2}
    status, body = app("PATCH", path, {"data": {"a": [1, None]}})
    assert (status, body["type"]) == (400, "invalid_arguments")
    # 24
    config = {"documents": {"current": {"door_open": {"_tsdb_trigger": "on-change"}}}}
    assert app("PUT", f"{documents}/_config", {"data": config}).status == 200
    assert app("GET", f"{documents}/_config").body["data"] == config
    # 25
    assert app("DELETE", path) == (204, None)
    assert app("DELETE", twin) == (204, None)
    assert app("GET", twin) == (200, {"documents": []})


def test_a_device_without_its_certificate_is_reported(hub, connect):
    """Step 26."""
    other = create_device(hub, "other")
    vault = create_device(hub, "vault", allow_insecure=False)
    with connected(connect(other)) as listener:
        assert listener.subscribe("$SCW/events/error/#") == [0]
        with pytest.raises(Refused):
            connect(vault)
        heard = listener.next()
    assert heard.topic == f"$SCW/events/error/device/{vault}"
    event = json.loads(heard.text)
    assert {"severity": "error", "object-type": "device", "object-id": vault} == {
        key: event[key] for key in ("severity", "object-type", "object-id")
    }
    assert event["msg"] == "mutual TLS authentication is required"
    assert event["packet"].startswith("CONNECT: dup: false qos: 0 retain: false rLength: ")


def test_what_a_client_publishes_is_stored_though_it_does_not_wait_for_the_answer(hub, connect):
    """`mosquitto_pub` on its own: the write happens, the answer is dropped (3.3)."""
    panel = create_device(hub, "panel")
    with connected(connect(panel)) as device:
        device.publish(f"{ME}/current/put", json.dumps({"data": {"door_open": True}}), qos=1)
        device.publish(f"{ME}/current/patch", json.dumps({"data": {"door_open": False}}), qos=1)
    assert app("GET", f"/twins/{panel}/documents/current").body["version"] == 2


def test_a_foreign_account_does_not_see_the_twin(hub):
    panel = create_device(hub, "panel")
    answer = requests.get(f"{BASE}/twins/{panel}", headers={"X-Auth-Token": FLEET["token"]}, timeout=30)
    assert answer.status_code == 404
