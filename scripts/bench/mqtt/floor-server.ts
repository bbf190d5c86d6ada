import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";

// The floor of MQTT: what the same codec on the same runtime does without any work. Every publish is treated as a put:
// acknowledged if it asks for that, and its payload sent back on the success topic. `brokers.ts` starts it as a process
// of its own.

type Session = { parser: ReturnType<typeof parser> };

const server = Bun.serve<Session>({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  fetch(request, server) {
    const data = { parser: parser({ protocolVersion: 4 }) };
    if (server.upgrade(request, { data, headers: { "sec-websocket-protocol": "mqtt" } })) return;
    return new Response(null, { status: 400 });
  },
  websocket: {
    idleTimeout: 0,
    perMessageDeflate: false,
    open(socket) {
      const send = (packet: Packet) => socket.send(generate(packet));
      socket.data.parser.on("packet", (packet) => answer(packet, send));
    },
    message: (socket, bytes) => void socket.data.parser.parse(Buffer.from(bytes as Buffer)),
  },
});
process.stdout.write(`${server.port}\n`);

function answer(packet: Packet, send: (packet: Packet) => void): void {
  if (packet.cmd === "connect") send({ cmd: "connack", returnCode: 0, sessionPresent: false });
  else if (packet.cmd === "subscribe") {
    const messageId = packet.messageId ?? 0;
    send({ cmd: "suback", messageId, granted: packet.subscriptions.map(({ qos }) => qos) });
  } else if (packet.cmd === "publish") {
    if (packet.qos > 0) send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    send(success(packet));
  }
}

const success = ({ topic, payload }: IPublishPacket): IPublishPacket => ({
  cmd: "publish",
  topic: `${topic}/response/success`,
  payload,
  qos: 0,
  retain: false,
  dup: false,
});
