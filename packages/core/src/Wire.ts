/**
 * How envelopes become bytes and headers, and back. Two formats, one default:
 *
 * - {@link json}: a JSON body that holds the whole envelope, with a copy of its metadata in headers.
 * - {@link cloudEvents}: CloudEvents 1.0, binary mode: the payload in the body, the rest in headers.
 *
 * Both round-trip every valid envelope. `-0` becomes `0`, as in all JSON. Text in payloads may hold lone surrogates: JSON
 * escapes them. Bytes that are not UTF-8, a byte order mark, a key `__proto__` anywhere, and payloads that nest deeper
 * than 64 levels are refused, in both directions.
 *
 * A format of your own is a value of type {@link Wire}.
 *
 * @since 0.1.0
 */
import type * as Envelope from "./Envelope.ts"
import type * as Event from "./Event.ts"
import type * as Headers from "./Headers.ts"
import * as CloudEvents from "./internal/cloudEventsWire.ts"
import * as Json from "./internal/jsonWire.ts"
import type * as PublishError from "./PublishError.ts"

/**
 * A format.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wire {
  readonly name: string
  /** Done once per topic, and so is everything that does not depend on an envelope. */
  readonly compile: (events: ReadonlyArray<Event.Any>) => Codec
}

/**
 * A format, made ready for the events of a topic. Synchronous, and it never throws: a bad envelope or a bad record is a
 * value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Codec {
  /**
   * `traceparent` is the W3C trace context to send along. `onValidated`, where it is given, is to be called between
   * validating and encoding (see `PublishStages`); a format that does not do it loses nothing but that distinction.
   */
  readonly encode: (
    envelope: unknown,
    traceparent: string | undefined,
    onValidated?: () => void
  ) => Encoded | PublishError.InvalidEnvelope
  readonly decode: (record: Encoding) => Decoding
}

/**
 * An envelope, as a broker takes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoded {
  readonly _tag: "Encoded"
  readonly eventId: string
  /** Kafka's key. */
  readonly aggregateId: string
  readonly headers: Headers.Headers
  readonly body: Uint8Array
  /** Bytes of body, headers (names and values) and key. */
  readonly size: number
}

/**
 * What a record is decoded from. A `Broker.InboundRecord` is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoding {
  readonly headers: Headers.Headers
  readonly body: Uint8Array
  readonly key: string | undefined
  /** When the broker stored it, in milliseconds since 1970, where it is known. */
  readonly timestamp?: number | undefined
}

/**
 * What came of a record.
 *
 * @category models
 * @since 0.1.0
 */
export type Decoding = Decoded | Undecodable | UnknownType | UnknownVersion

/**
 * @category models
 * @since 0.1.0
 */
export interface Decoded {
  readonly _tag: "Decoded"
  /** Keeps the rules of `Envelope`, and its payload those of its event. */
  readonly envelope: Envelope.Envelope
}

/**
 * Not an envelope. Paths are in the names of the wire: keys of the body, or names of headers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undecodable {
  readonly _tag: "Undecodable"
  readonly issues: ReadonlyArray<PublishError.Issue>
  /** The issues as text. */
  readonly message: string
}

/**
 * An envelope whose event is not one of the topic's.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownType {
  readonly _tag: "UnknownType"
  readonly eventId: string
  readonly aggregateId: string
  readonly type: string
}

/**
 * An envelope of a known event in a version that it cannot read: newer than its own, or older than its oldest upcast.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownVersion {
  readonly _tag: "UnknownVersion"
  readonly eventId: string
  readonly aggregateId: string
  readonly type: string
  readonly version: number
}

/**
 * JSON, with options. `headers: false` writes no headers of its own, only `traceparent` and the application's: they are
 * copies for routers and people, nothing is read from them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonWith = (options: {
  /** Default true. */
  readonly headers?: boolean | undefined
}): Wire => ({ name: "json", compile: (events) => Json.compile(events, options.headers ?? true) })

/**
 * The default. The body is UTF-8 JSON with the keys `event_id`, `aggregate_id`, `event_type`, `event_version`,
 * `timestamp` (RFC 3339), `trace_id`, `correlation_id`, `causation_id`, `tenant_id` (an integer) and `payload`; the four
 * before the last are left out where the envelope has none.
 *
 * Headers: `X-Event-ID`, `X-Aggregate-ID`, `X-Event-Type`, `X-Event-Version`, `X-Timestamp`, where present `X-Trace-ID`,
 * `X-Correlation-ID`, `X-Tenant-ID` and `traceparent`, then the application's own. Ids are written as they are, in UTF-8.
 *
 * On the way back the body alone is the truth, so that a record without headers is as good. Its keys may come in any
 * order; unknown ones are ignored, and an optional one may be `null` or `""`, which is the same as absent. Timestamps may
 * have any offset and any number of fractional digits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json: Wire = jsonWith({})

/**
 * CloudEvents 1.0 in binary mode. The body is the payload as JSON. Headers: `ce-specversion`, `ce-id`, `ce-source`,
 * `ce-type`, `ce-subject` (the aggregate id), `ce-time`, `content-type`, the extensions `ce-eventversion`, `ce-traceid`,
 * `ce-correlationid`, `ce-causationid` and `ce-tenantid`, `traceparent`, then the application's own.
 *
 * The codec writes the form of the NATS binding: names with `ce-`, values percent-encoded. A Kafka driver sends what
 * {@link kafkaHeaders} makes of them. Both forms are read, by the prefix, in any case. What other
 * producers may leave out has a default: `ce-subject` the key, `ce-eventversion` 1, `ce-time` the broker's timestamp.
 *
 * `source` is a URI reference that names the producer. Throws a `RangeError` where it is empty or has white space,
 * control characters or anything else outside of ASCII.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cloudEvents = (options: { readonly source: string }): Wire => {
  if (!/^[!-~]{1,1024}$/.test(options.source)) {
    throw new RangeError("source must be a URI reference: 1 to 1024 printable ASCII characters")
  }
  return { name: "cloudEvents", compile: (events) => CloudEvents.compile(events, options.source) }
}

/**
 * The headers of the Kafka binding of CloudEvents: `ce-` becomes `ce_`, and percent-encoded values become plain UTF-8.
 * Other headers stay as they are. For drivers.
 *
 * @category conversions
 * @since 0.1.0
 */
export const kafkaHeaders: (headers: Headers.Headers) => Headers.Headers = CloudEvents.kafkaHeaders
