/**
 * Generators of valid envelopes, for property tests of your own. Built on `effect/Arbitrary`: seeds, replay and shrinking
 * are its own.
 *
 * ```ts
 * it.effect.prop("survives", [Generators.topicEnvelope(Orders)], ([envelope]) => ...)
 * ```
 *
 * All optional metadata comes and goes, ids and headers hold text that is valid and unpleasant (quotes, per cent signs,
 * other scripts, white space at the ends of ids), and there are few aggregates, so that order matters.
 *
 * @since 0.1.0
 */
import { Arbitrary, Schema } from "effect"
import type * as Envelope from "../src/Envelope.ts"
import type * as Event from "../src/Event.ts"
import { payloadProblem } from "../src/internal/jsonText.ts"
import { isAggregateId } from "../src/internal/text.ts"
import { maxMillis, minMillis } from "../src/internal/timestamp.ts"
import type * as Topic from "../src/Topic.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The aggregate ids to choose from. Default: three of them, whatever the payload says. `"payload"` takes the one
   * that the event derives from its payload, and leaves out payloads that give none that is allowed: the payload's schema
   * should be narrow there.
   */
  readonly aggregates?: ReadonlyArray<string> | "payload" | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ManyOptions extends Options {
  /** Default 0. */
  readonly minLength?: number | undefined
  /** Default 20. */
  readonly maxLength?: number | undefined
}

const defaultAggregates: ReadonlyArray<string> = ["a-1", "a-2", "Tenant:7/order_3.b"]

const unpleasant = [
  "\"",
  "'\\'",
  "\\u0041",
  "50%",
  "%41%",
  "%E4",
  " both ends ",
  "a: b, c=d; e",
  "{\"event_id\":1}",
  "__proto__",
  "constructor",
  "null",
  "0",
  "-",
  "Nats-Msg-Id",
  "größer",
  "\u00a0no-break\u00a0",
  "line\u2028separator",
  "日本語",
  "👩‍👩‍👧",
  "\ufeffmark",
  "\ufffd"
] as const

const Id = Schema.Union([
  Schema.Literals(unpleasant),
  Schema.String.check(Schema.isPattern(/^[!-~]{1,40}$/)),
  Schema.String.check(Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/))
])

const Millis = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 1_700_000_000_000, maximum: 1_900_000_000_000 })),
  Schema.Int.check(Schema.isBetween({ minimum: minMillis, maximum: maxMillis }))
])

const Meta = Schema.Struct({
  eventId: Id,
  millis: Millis,
  traceId: Schema.optionalKey(Id),
  correlationId: Schema.optionalKey(Id),
  causationId: Schema.optionalKey(Id),
  tenantId: Schema.optionalKey(Schema.Int.check(Schema.isBetween({
    minimum: Number.MIN_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER
  })))
})

const Header = Schema.Struct({
  name: Schema.Union([
    Schema.Literals(["x-source", "X-Request.Id", "constructor", "toString", "0", "-_-", "Accept"]),
    Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_.-]{0,9}$/))
  ]),
  value: Schema.Union([
    Schema.Literals(["", ...unpleasant.map((text) => text.trim())]),
    Schema.String.check(
      Schema.isPattern(/^[!-~]{1,30}$/)
    )
  ])
})

const toHeaders = (pairs: ReadonlyArray<typeof Header.Type>): Envelope.Headers | undefined => {
  const byLower = new Map(pairs.map(({ name, value }) => [name.toLowerCase(), [name, value] as const]))
  const usable = Array.from(byLower.values()).filter(([name]) => !/^(?:ce[-_]|nats-|x-event-)/i.test(name))
  return usable.length === 0 ? undefined : Object.fromEntries(usable)
}

const metadata = Arbitrary.all([
  Arbitrary.schema(Meta).pipe(Arbitrary.filter(({ tenantId }) => !Object.is(tenantId, -0))),
  Arbitrary.map(Arbitrary.array(Arbitrary.schema(Header), { maxLength: 4 }), toHeaders)
])

/** JSON has no -0: it would come back as 0. */
const hasNegativeZero = (value: unknown): boolean =>
  typeof value === "number"
    ? Object.is(value, -0)
    : typeof value === "object" && value !== null && !ArrayBuffer.isView(value)
      && (value instanceof Map || value instanceof Set ? Array.from(value) : Object.values(value)).some(hasNegativeZero)

const isUsable = (payload: unknown): boolean => payloadProblem(payload) === undefined && !hasNegativeZero(payload)

/**
 * Valid envelopes of an event. Their payloads are what the event's schema generates, where it keeps the rules for all
 * payloads and has no `-0`, which JSON cannot write.
 *
 * @category generators
 * @since 0.1.0
 */
export const envelope = <E extends Event.Any>(event: E, options?: Options): Arbitrary.Arbitrary<Event.EnvelopeOf<E>> =>
  ofEvents([event], options).pipe(Arbitrary.filter((u): u is Event.EnvelopeOf<E> => isOf(event, u)))

const isOf = (event: Event.Any, u: unknown): boolean =>
  typeof u === "object" && u !== null && "type" in u && u.type === event.type

const ofEvents = (
  events: ReadonlyArray<Event.Any>,
  options: Options | undefined
): Arbitrary.Arbitrary<unknown> => {
  const arbitraries = events.map((event) => ofEvent(event, options?.aggregates ?? defaultAggregates))
  const index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: arbitraries.length - 1 }))
  return Arbitrary.flatMap(Arbitrary.schema(index), (i) => arbitraries[i]!)
}

const ofEvent = (
  event: Event.Any,
  aggregates: ReadonlyArray<string> | "payload"
): Arbitrary.Arbitrary<Envelope.Envelope> =>
  Arbitrary.all([
    Arbitrary.filter(Arbitrary.schema(event.payload), isUsable),
    metadata,
    typeof aggregates === "string" ? Arbitrary.Constant(undefined) : Arbitrary.schema(Schema.Literals(aggregates))
  ]).pipe(
    Arbitrary.map(([payload, [{ millis, ...meta }, headers], aggregate]) => ({
      ...meta,
      aggregateId: aggregate ?? event.aggregateId(payload),
      type: event.type,
      version: event.version,
      timestamp: new Date(millis),
      ...(headers === undefined ? undefined : { headers }),
      payload
    })),
    Arbitrary.filter(({ aggregateId }) => isAggregateId(aggregateId))
  )

/**
 * Valid envelopes of a topic: of each of its events.
 *
 * @category generators
 * @since 0.1.0
 */
export const topicEnvelope = <T extends Topic.Any>(
  topic: T,
  options?: Options
): Arbitrary.Arbitrary<Topic.EnvelopeOf<T>> =>
  ofEvents(topic.events, options).pipe(
    Arbitrary.filter((u): u is Topic.EnvelopeOf<T> => topic.events.some((event) => isOf(event, u)))
  )

/**
 * Lists of valid envelopes of a topic, with event ids that are unique in the list: what one producer publishes.
 *
 * @category generators
 * @since 0.1.0
 */
export const topicEnvelopes = <T extends Topic.Any>(
  topic: T,
  options?: ManyOptions
): Arbitrary.Arbitrary<ReadonlyArray<Topic.EnvelopeOf<T>>> =>
  Arbitrary.array(topicEnvelope(topic, options), {
    minLength: options?.minLength ?? 0,
    maxLength: options?.maxLength ?? 20
  }).pipe(
    Arbitrary.map((envelopes) => envelopes.map((one, i) => ({ ...one, eventId: `${one.eventId} ${i}` })))
  )
