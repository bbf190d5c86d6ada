"""Devices with stock MQTT clients: paho-mqtt, mqtt.js and mosquitto's command line, behind one interface."""

import contextlib
import json
import os
import queue
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S = 15


class Heard(NamedTuple):
    topic: str
    text: str


class Refused(Exception):
    """CONNACK refused the connection with this code."""


class PahoDevice:
    """One connection of the Python client."""

    def __init__(self, port: int, transport: str, protocol: int, username: str, client_id: str = ""):
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol, transport=transport)
        self.client.username_pw_set(username)
        self.arrived: queue.Queue[Heard] = queue.Queue()
        self.done: queue.Queue[Any] = queue.Queue()
        self.client.on_connect = lambda client, data, flags, reason, properties: self.done.put(reason)
        self.client.on_subscribe = lambda client, data, mid, reasons, properties: self.done.put(reasons)
        self.client.on_message = lambda client, data, message: self.arrived.put(
            Heard(message.topic, message.payload.decode())
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        reason = self.done.get(timeout=PATIENCE_S)
        if reason.is_failure:
            self.close()
            raise Refused(reason.getName())

    def subscribe(self, *filters: str) -> list[int]:
        self.client.subscribe([(topic, 0) for topic in filters])
        return [reason.value for reason in self.done.get(timeout=PATIENCE_S)]

    def publish(self, topic: str, text: str, qos: int = 0) -> None:
        self.client.publish(topic, text, qos).wait_for_publish(PATIENCE_S)

    def ask(self, topic: str, text: str, expected: str) -> Heard:
        self.publish(topic, text)
        return self.next()

    def next(self) -> Heard:
        return self.arrived.get(timeout=PATIENCE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class MqttJsDevice:
    """One connection of mqtt.js, in its own process that speaks JSON, one line per command."""

    def __init__(self, url: str, username: str, client_id: str = "", protocol: int = 4):
        script = os.path.join(os.path.dirname(__file__), "mqttjs-lines.ts")
        options = {"username": username, "protocolVersion": protocol, **({"clientId": client_id} if client_id else {})}
        self.process = subprocess.Popen(
            [os.environ["TWINPOST_BUN"], script, url, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.waiting: list[Heard] = []
        connected = self.read()
        if "refused" in connected:
            self.process.wait()
            raise Refused(connected["refused"])

    def read(self) -> dict:
        line = self.process.stdout.readline()
        assert line, "mqtt.js has ended"
        return json.loads(line)

    def say(self, **words) -> None:
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def answer(self, key: str) -> Any:
        while key not in (said := self.read()):
            self.waiting.append(Heard(said["topic"], said["text"]))
        return said[key]

    def subscribe(self, *filters: str) -> list[int]:
        self.say(subscribe=filters)
        return self.answer("granted")

    def publish(self, topic: str, text: str, qos: int = 0) -> None:
        self.say(publish=topic, text=text, qos=qos)
        self.answer("published")

    def ask(self, topic: str, text: str, expected: str) -> Heard:
        self.publish(topic, text)
        return self.next()

    def next(self) -> Heard:
        if self.waiting:
            return self.waiting.pop(0)
        said = self.read()
        return Heard(said["topic"], said["text"])

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class MosquittoDevice:
    """
    Mosquitto's command line. `mosquitto_sub` subscribes and `mosquitto_pub` publishes, each on its own connection, so
    neither can send a request and receive its answer; `mosquitto_rr` can, once, if it is given the topic of the answer,
    without wildcards.
    """

    def __init__(self, port: int, username: str, client_id: str = ""):
        self.options = ["-h", "127.0.0.1", "-p", str(port), "-u", username, *(["-i", client_id] if client_id else [])]
        self.listening: subprocess.Popen | None = None
        # A refused connection fails here. No wildcard matches that topic.
        done = self.run("mosquitto_pub", "-V", "mqttv311", "-t", "$here", "-n")
        if done.returncode != 0:
            raise Refused(done.stderr.strip())

    def run(self, tool: str, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([tool, *self.options, *words], capture_output=True, text=True, timeout=PATIENCE_S)

    def subscribe(self, *filters: str) -> list[int]:
        words = [word for topic in filters for word in ("-t", topic)]
        command = ["stdbuf", "-oL", "mosquitto_sub", *self.options, "-V", "mqttv311", "-d", "-F", "%t %p", *words]
        self.listening = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while not (line := self.line()).startswith("Subscribed "):
            pass
        return [int(qos) for qos in line.split(": ")[-1].split(", ")]

    def line(self) -> str:
        line = self.listening.stdout.readline()
        assert line, "mosquitto_sub has ended"
        return line.rstrip("\n")

    def publish(self, topic: str, text: str, qos: int = 0) -> None:
        payload = ["-m", text] if text else ["-n"]
        done = self.run("mosquitto_pub", "-V", "mqttv311", "-t", topic, "-q", str(qos), *payload)
        assert done.returncode == 0, done.stderr

    def ask(self, topic: str, text: str, expected: str) -> Heard:
        payload = ["-m", text] if text else ["-n"]
        answer = f"{topic}/response/{expected}"
        words = ["-V", "mqttv311", "-t", topic, "-e", answer, "-F", "%t %p", "-W", str(PATIENCE_S - 5), *payload]
        done = self.run("mosquitto_rr", *words)
        assert done.returncode == 0, done.stderr
        return Heard(*done.stdout.rstrip("\n").split(" ", 1))

    def next(self) -> Heard:
        while (line := self.line()).startswith(("Client ", "Subscribed ")):
            pass
        return Heard(*line.split(" ", 1))

    def close(self) -> None:
        if self.listening:
            self.listening.terminate()
            self.listening.wait()


Device = PahoDevice | MqttJsDevice | MosquittoDevice


@contextlib.contextmanager
def connected(device: Device) -> Iterator[Device]:
    try:
        yield device
    finally:
        device.close()
