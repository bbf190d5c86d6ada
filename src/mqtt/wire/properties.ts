import { type Cursor, malformed, refused } from "./cursor.ts";
import {
  type Auth,
  type ConnectProperties,
  type Disconnect,
  ProtocolError,
  type PublishProperties,
  REASON,
  type Subscribe,
  type Unsubscribe,
  type UserProperties,
  type WillProperties,
} from "./packets.ts";
import { isTopicName } from "./topics.ts";

// The properties of MQTT 5 (2.2.2). mqtt-packet's decoder loses what the clauses need: the order of user properties, a
// byte that is neither 0 nor 1, a repeated property.

/** More user properties are an attack on memory: each costs many times its five bytes on the wire. */
const USER_PROPERTIES_MAX = 1_000;

type Property = {
  name: string;
  read: (cursor: Cursor) => unknown;
  /** Refuses values of the right type that are not allowed. */
  check?: (value: never) => void;
};

const flag = (name: string, clause: string): Property => ({
  name,
  read: (cursor) => {
    const value = cursor.byte();
    if (value > 1) throw refused(`${name} is neither 0 nor 1`, clause);
    return value === 1;
  },
});
const uint16 = (name: string, check?: (value: number) => void): Property => {
  return { name, read: (cursor) => cursor.uint16(), ...(check && { check }) };
};
const uint32 = (name: string, check?: (value: number) => void): Property => {
  return { name, read: (cursor) => cursor.uint32(), ...(check && { check }) };
};
const varInt = (name: string, check: (value: number) => void): Property => {
  return { name, read: (cursor) => cursor.varInt(), check };
};
const text = (name: string, check?: (value: string) => void): Property => {
  return { name, read: (cursor) => cursor.text(), ...(check && { check }) };
};
const binary = (name: string): Property => ({ name, read: (cursor) => cursor.binary() });

const atLeastOne = (name: string, clause: string) => (value: number) => {
  if (value === 0) throw refused(`${name} is 0`, clause);
};
/** The only property with a reason code of its own (2.4). */
const isTopicAlias = (value: number) => {
  if (value === 0) throw new ProtocolError(REASON.topicAliasInvalid, "topic alias 0", "MQTT-3.3.2-8");
};
const isResponseTopic = (topic: string) => {
  if (!isTopicName(topic)) throw refused("a response topic is empty or has wildcards", "MQTT-3.3.2-14");
};

const USER_PROPERTY = 0x26;

/** By identifier (table 2-4). User properties are read separately: only they may be repeated. */
const PROPERTIES = new Map<number, Property>([
  [0x01, flag("payloadFormatIndicator", "3.3.2.3.2")],
  [0x02, uint32("messageExpiryInterval")],
  [0x03, text("contentType")],
  [0x08, text("responseTopic", isResponseTopic)],
  [0x09, binary("correlationData")],
  [0x0b, varInt("subscriptionIdentifier", atLeastOne("a subscription identifier", "3.8.2.1.2"))],
  [0x11, uint32("sessionExpiryInterval")],
  [0x15, text("authenticationMethod")],
  [0x16, binary("authenticationData")],
  [0x17, flag("requestProblemInformation", "3.1.2.11.7")],
  [0x18, uint32("willDelayInterval")],
  [0x19, flag("requestResponseInformation", "3.1.2.11.6")],
  [0x1c, text("serverReference")],
  [0x1f, text("reasonString")],
  [0x21, uint16("receiveMaximum", atLeastOne("receive maximum", "3.1.2.11.3"))],
  [0x22, uint16("topicAliasMaximum")],
  [0x23, uint16("topicAlias", isTopicAlias)],
  [0x27, uint32("maximumPacketSize", atLeastOne("maximum packet size", "3.1.2.11.4"))],
]);

/** Makes a reader of the properties that one kind of packet may have; it returns undefined if there are none. */
function reader<Properties>(...identifiers: number[]): (cursor: Cursor) => Properties | undefined {
  const allowed = new Map(identifiers.map((identifier) => [identifier, PROPERTIES.get(identifier)]));
  return (cursor) => {
    const properties = cursor.part(cursor.varInt());
    if (properties.left === 0) return undefined;

    const values: Record<string, unknown> = {};
    const userProperties: UserProperties = [];
    while (properties.left > 0) {
      const identifier = properties.varInt();
      if (identifier === USER_PROPERTY) {
        if (userProperties.length === USER_PROPERTIES_MAX) {
          throw new ProtocolError(REASON.quotaExceeded, `over ${USER_PROPERTIES_MAX} user properties`, "4.13.2");
        }
        userProperties.push([properties.text(), properties.text()]);
        continue;
      }
      const property = allowed.get(identifier);
      if (!property) throw malformed(`property ${identifier} does not belong in this packet`, "2.2.2.2");
      if (Object.hasOwn(values, property.name)) throw refused(`${property.name} is there twice`, "2.2.2.2");
      const value = property.read(properties);
      property.check?.(value as never);
      values[property.name] = value;
    }
    if (userProperties.length > 0) values["userProperties"] = userProperties;
    return values as Properties;
  };
}

type PropertiesOf<P extends { properties?: unknown }> = NonNullable<P["properties"]>;

export const readConnectProperties = reader<ConnectProperties>(0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x27);
export const readWillProperties = reader<WillProperties>(0x01, 0x02, 0x03, 0x08, 0x09, 0x18);
export const readPublishProperties = reader<PublishProperties>(0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23);
export const readAckProperties = reader<{ reasonString?: string; userProperties?: UserProperties }>(0x1f);
export const readSubscribeProperties = reader<PropertiesOf<Subscribe>>(0x0b);
export const readUnsubscribeProperties = reader<PropertiesOf<Unsubscribe>>();
export const readDisconnectProperties = reader<PropertiesOf<Disconnect>>(0x11, 0x1c, 0x1f);
export const readAuthProperties = reader<PropertiesOf<Auth>>(0x15, 0x16, 0x1f);
