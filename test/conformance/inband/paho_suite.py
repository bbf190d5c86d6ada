"""Runs a suite of Eclipse Paho's interoperability tests, of which nothing is kept here: github.com/eclipse/paho.mqtt.testing.

    paho_suite.py FOLDER client_test|client_test5 PORT USER_NAME [TEST ...]

FOLDER is their `interoperability`. Their clients name no user, and ours are devices: each CONNECT gets the user name of one.
What the tests assume of a server is set up beside: no subscription to `test/nosubscribe`, and a keep alive of at most 60 s.
"""

import importlib
import sys
import unittest

def with_user_name(pack, user_name):
    """Their CONNECT sets the password flag where it means the user name's."""

    def packed(self):
        self.usernameFlag, self.username = True, user_name
        data = bytearray(pack(self))
        at = 1
        while data[at] & 0x80:
            at += 1
        name = at + 1
        flags = name + 2 + int.from_bytes(data[name : name + 2], "big") + 1
        data[flags] = data[flags] & 0x3F | 0x80
        return bytes(data)

    return packed


def with_every_failure(unpack):
    """Their SUBACK parser knows no failure but 0x80; MQTT 5 has nine (3.9.3), among them 0x87."""

    def unpacked(self, buffer, *args, **named):
        data = bytearray(buffer)
        for at in range(len(data) - 1, 0, -1):
            if data[at] < 0x80:
                break
            data[at] = 0x80
        return unpack(self, bytes(data), *args, **named)

    return unpacked


def main(folder: str, name: str, port: str, user_name: str, *wanted: str) -> int:
    sys.path.insert(0, folder)
    suite = importlib.import_module(name)
    level = "MQTTV5" if name == "client_test5" else "MQTTV311"
    formats = importlib.import_module(f"mqtt.formats.{level}")
    formats.Connects.pack = with_user_name(formats.Connects.pack, user_name)
    formats.Subacks.unpack = with_every_failure(formats.Subacks.unpack)
    suite.host, suite.port = "127.0.0.1", int(port)
    suite.topic_prefix = "client_test5/"
    suite.topics = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
    suite.wildtopics = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")
    suite.nosubscribe_topics = ("test/nosubscribe",)
    names = wanted or unittest.defaultTestLoader.getTestCaseNames(suite.Test)
    tests = unittest.TestSuite(suite.Test(test) for test in names)
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
