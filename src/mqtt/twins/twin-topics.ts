import type { Deps } from "../../deps.ts";
import { documentBodyLimits } from "../../documents/body-limits.ts";
import { assertOwn } from "../../documents/document-command.ts";
import { getDocument } from "../../documents/get-document.ts";
import { limitsOf } from "../../documents/limits.ts";
import type { Document } from "../../documents/rows.ts";
import { DocumentBody, DocumentName, viewDocument } from "../../documents/schema.ts";
import { isLargeWrite, writeDocument } from "../../documents/write-document.ts";
import { patchDeviceDocument, putDeviceDocument } from "../../hub/devices/device-documents.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import { DomainError, describeError, invalid } from "../../kernel/failure.ts";
import { isLargeBody } from "../../kernel/fairness/body-budget.ts";
import { ownerOfCaller } from "../../kernel/fairness/fair-queue.ts";
import { parseJson } from "../../kernel/json.ts";
import { writeJson } from "../../kernel/json-text.ts";
import { parse } from "../../kernel/parse.ts";
import type { Message, MessageProperties } from "../wire/message.ts";
import { type Level, type Publish, type QoS, REASON, type ReasonCode } from "../wire/packets.ts";
import { type RequestKind, RequestOrder } from "./request-order.ts";
import { type TwinRefusal, twinRefusalOf } from "./twin-errors.ts";
import { type TwinRequest, twinRequestOf } from "./twin-request.ts";

// The inband API of twins (specification 3): a device requests its own documents on topics of its own connection.

/** The connection that sends the requests. */
export type TwinCaller = {
  readonly level: Level;
  readonly deviceId: string;
  readonly hubId: string;
  readonly actor: DeviceActor;
  /**
   * The QoS granted by a matching subscription of this connection on which the topic may be delivered; undefined if
   * there is none.
   */
  grantedQos(topic: string): QoS | undefined;
  /** Sends to this connection only; does nothing if it has ended. */
  deliver(message: Message, qos: QoS): void;
};

/**
 * Unanswered requests per connection; further ones are refused. It bounds memory where the transport has no
 * backpressure.
 */
const UNANSWERED_MAX = 1024;

const ACTIONS = { get: "get_twin_document", put: "put_twin_document", patch: "patch_twin_document" } as const;

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array();
const NO_PATCH = writeJson({});

/** The parts of a request that its answer needs. */
type Asked = { qos: QoS; properties: Publish["properties"] | undefined };
type Outcome = { document: Document } | TwinRefusal;

/** Handles one connection's requests for its twin's documents. */
export class TwinRequests {
  readonly #deps: Deps;
  readonly #caller: TwinCaller;
  readonly #order = new RequestOrder();

  constructor(deps: Deps, caller: TwinCaller) {
    this.#deps = deps;
    this.#caller = caller;
  }

  /**
   * Undefined if the topic is not a twin request. Otherwise handles it, and resolves with the reason code for its
   * acknowledgement once its effect is stored and the answer sent; never rejects.
   */
  handle(publish: Publish): Promise<ReasonCode> | undefined {
    const request = twinRequestOf(publish.topic);
    return request && this.#take(request, publish);
  }

  /** Number of requests that are not answered yet. */
  get unanswered(): number {
    return this.#order.unanswered;
  }

  async #take(request: TwinRequest, { payload, qos, properties }: Publish): Promise<ReasonCode> {
    const isTooMany = this.unanswered >= UNANSWERED_MAX;
    const isLarge = isLargeBody(payload.length);
    // A request that waits copies its payload, which is a view of the received bytes.
    let bytes = request.method === "get" ? NOTHING : isLarge ? payload.slice() : payload;
    let begun = false;
    const begin = () => {
      begun = true;
      return this.#perform(request, bytes);
    };
    const taken = this.#order.take<Outcome>(
      isTooMany ? () => "write" : () => this.#kindOf(request, isLarge),
      isTooMany ? async () => twinRefusalOf(tooMany()) : begin,
      (outcome) => this.#answer(request, { qos, properties }, outcome),
    );
    if (!begun && bytes === payload) bytes = isTooMany ? NOTHING : payload.slice();
    const outcome = await taken;
    return "document" in outcome ? REASON.success : outcome.reasonCode;
  }

  #kindOf(request: TwinRequest, isLarge: boolean): RequestKind {
    if (request.method === "get") return "read";
    if (isLarge) return "laborious";
    return request.method === "patch" && isLargeWrite(this.#deps, { ...this.#keyOf(request), patch: NO_PATCH })
      ? "laborious"
      : "write";
  }

  #keyOf({ twin, name }: { twin: string; name: string }) {
    return { twin: twin === "me" ? this.#caller.deviceId : twin, name };
  }

  async #perform(request: TwinRequest, payload: Uint8Array): Promise<Outcome> {
    try {
      return { document: await this.#document(request, payload) };
    } catch (error) {
      if (!(error instanceof DomainError)) {
        const { deviceId } = this.#caller;
        const about = { deviceId, topic: request.topic, error: describeError(error) };
        this.#deps.log.caused("error", "twin_request.failed", deviceId, about);
      }
      return twinRefusalOf(error);
    }
  }

  /** Checks in the order of specification 2.3, rule 10. */
  async #document(request: TwinRequest, payload: Uint8Array): Promise<Document> {
    const { bodies, config, store } = this.#deps;
    const { actor } = this.#caller;
    const { method } = request;
    const key = this.#keyOf(request);
    assertOwn(actor, ACTIONS[method], key.twin);
    const { byteCount, depth } = documentBodyLimits(config);
    // The payload of a get is ignored.
    if (method !== "get" && payload.length > byteCount) throw invalid("too_large", "Document is too large.");
    parse(DocumentName, key.name, "parameter", "Document name");
    if (method === "get") return store.read((reader) => getDocument(reader, actor, key));

    const release = bodies.reserve(payload.length, actor.accountId);
    try {
      return await bodies.work(payload.length, ownerOfCaller(actor), async () => {
        const { version, data } = parse(DocumentBody, parseJson(payload, depth), "body", "Document");
        const input = { ...key, version, limits: limitsOf(config) };
        return method === "put"
          ? await writeDocument(this.#deps, putDeviceDocument, actor, { ...input, data: writeJson(data) })
          : await writeDocument(this.#deps, patchDeviceDocument, actor, { ...input, patch: writeJson(data) });
      });
    } finally {
      release();
    }
  }

  /** Answers only this connection, and only if it subscribes to the answer's topic at this moment (3.3). */
  #answer(request: TwinRequest, { qos, properties }: Asked, outcome: Outcome): void {
    const caller = this.#caller;
    const result = "document" in outcome ? "success" : "error";
    const responseTopic = properties?.responseTopic;
    const topic = responseTopic || `${request.topic}/response/${result}`;
    const granted = caller.grantedQos(topic);
    if (granted === undefined) return;
    const message: Message = {
      topic,
      payload: utf8.encode(this.#textOf(request, outcome)),
      qos: Math.min(qos, granted) as QoS,
      retain: false,
      properties: caller.level === 5 ? answerProperties(properties, result) : null,
      publishedAt: this.#deps.clock.now(),
      expiresAt: null,
    };
    caller.deliver(message, message.qos);
  }

  #textOf(request: TwinRequest, outcome: Outcome): string {
    if ("document" in outcome) return writeJson(viewDocument(outcome.document));
    const { error, versions } = outcome;
    return writeJson({ error, twin_id: this.#keyOf(request).twin, document_name: request.name, ...versions });
  }
}

/**
 * Correlation data is returned unchanged; on a response topic chosen by the caller, a user property says whether it is
 * a success or an error.
 */
function answerProperties(asked: Publish["properties"], result: string): MessageProperties {
  const { correlationData, responseTopic } = asked ?? {};
  return {
    ...(correlationData && { correlationData: Buffer.from(correlationData).toString("base64") }),
    ...(responseTopic && { userProperties: [["outcome", result]] }),
  };
}

const tooMany = () =>
  new DomainError({ code: "limited", kind: "rate", message: "Too many requests are in work; try again later." });
