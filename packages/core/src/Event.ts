/**
 * A domain fact with a name, a version, a payload schema and the id of the aggregate it belongs to.
 *
 * ```ts
 * const OrderPlaced = Event.make("OrderPlaced", {
 *   version: 1,
 *   payload: Schema.Struct({ orderId: Schema.String, total: Schema.Finite }),
 *   aggregateId: (order) => order.orderId
 * })
 * const envelope = OrderPlaced.make({ orderId: "o-1", total: 10 })
 * ```
 *
 * **Versions.** A payload that changes its shape gets the next version, and the old shapes stay readable:
 *
 * ```ts
 * Event.make("OrderPlaced", {
 *   version: 3,
 *   payload: V3,
 *   aggregateId: (order) => order.orderId,
 *   upcasts: {
 *     1: { payload: V1, to: (v1) => ({ ...v1, currency: "EUR" }) }, // gives the payload of version 2
 *     2: { payload: V2, to: (v2) => ({ ...v2, lines: [] }) }        // gives the payload of version 3
 *   }
 * })
 * ```
 *
 * Each `to` gives the payload of the next version, so that a new version adds one step and leaves the others alone.
 * Handlers see the current version only: the envelope of an upcast event carries the current version's number. A version
 * that is newer than the event's own, or older than its oldest upcast, is unknown and never reaches a handler. Only the
 * current version can be published.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Random, Result, Schema, SchemaAST, SchemaIssue } from "effect"
import * as JIT from "effect/schema/SchemaJITCompiler"
import * as Envelope from "./Envelope.ts"
import { clock, randomWord } from "./internal/ambient.ts"
import { isRecord } from "./internal/isRecord.ts"
import { errorsOf, fromSchema, invalidEnvelope, issue } from "./internal/issues.ts"
import { payloadProblem } from "./internal/jsonText.ts"
import { idProblem } from "./internal/text.ts"
import { v5, v7 } from "./internal/uuid.ts"
import * as PublishError from "./PublishError.ts"

const TypeId = "~@effect-eventbus/core/Event"

/**
 * The schema of a payload. Its decoding and encoding may need no services, because envelopes are encoded and decoded
 * outside of any fiber, and must be synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export type PayloadSchema = Schema.Codec<unknown, unknown>

/**
 * What an envelope carries beside its payload; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Meta {
  /** Default: a new UUIDv7, rising within the process. */
  readonly eventId?: string | undefined
  /** Default: now. */
  readonly timestamp?: Date | undefined
  readonly traceId?: string | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly tenantId?: number | undefined
  readonly headers?: Envelope.Headers | undefined
}

/**
 * How to read one older version: its payload schema, and the step to the payload of the next version.
 *
 * @category models
 * @since 0.1.0
 */
export interface Upcast {
  readonly payload: PayloadSchema
  to(payload: unknown): unknown
}

/**
 * The definition of an event.
 *
 * @category models
 * @since 0.1.0
 */
export interface Event<Type extends string, Payload extends PayloadSchema> {
  readonly [TypeId]: typeof TypeId
  readonly type: Type
  readonly version: number
  readonly payload: Payload
  /** Older versions that can be read, by their number. */
  readonly upcasts: ReadonlyMap<number, Upcast>
  aggregateId(payload: Payload["Type"]): string
  /**
   * Builds a valid envelope with the system's clock and randomness. Throws a `SchemaError` for a payload that does not
   * fit, and an `InvalidEnvelope` for metadata that breaks the envelope's rules.
   */
  make(payload: Payload["~type.make.in"], meta?: Meta): Envelope.Envelope<Type, Payload["Type"]>
  /** Builds a valid envelope with the `Clock` and the `Random` of the fiber. */
  makeEffect(
    payload: Payload["~type.make.in"],
    meta?: Meta
  ): Effect.Effect<Envelope.Envelope<Type, Payload["Type"]>, PublishError.InvalidEnvelope>
}

/**
 * @category models
 * @since 0.1.0
 */
export type Any = Event<string, PayloadSchema>

/**
 * The envelope of an event.
 *
 * @category models
 * @since 0.1.0
 */
export type EnvelopeOf<E> = E extends Event<infer Type, infer Payload> ? Envelope.Envelope<Type, Payload["Type"]>
  : never

/**
 * The definition of an event contradicts itself. Thrown by {@link make}: a mistake of the program, not of its data.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidEvent extends Schema.TaggedError<InvalidEvent>("@effect-eventbus/core/Event/InvalidEvent")(
  "InvalidEvent",
  { event: Schema.String, field: Schema.String, reason: Schema.String }
) {
  override get message(): string {
    return `event ${JSON.stringify(this.event)}: ${this.field} ${this.reason}`
  }
}

/** A number as text: in a mapped type a numeric key may be either. */
type Text<N extends PropertyKey> = N extends string | number ? `${N}` : never

/** N + 1 as text, up to 64. */
type Next<N extends PropertyKey, Count extends ReadonlyArray<unknown> = []> = Text<N> extends `${Count["length"]}`
  ? [...Count, unknown] extends { readonly length: infer M extends number } ? `${M}` : never
  : Count["length"] extends 64 ? string
  : Next<N, [...Count, unknown]>

/** The payload that the step from version N has to give. */
type Target<N extends PropertyKey, Payload extends PayloadSchema, Old> = Next<N> extends Text<keyof Old>
  ? { readonly [M in keyof Old]: Text<M> extends Next<N> ? Schema.Schema.Type<Old[M]> : never }[keyof Old]
  : Payload["Type"]

type Upcasts<Payload extends PayloadSchema, Old extends Record<number, PayloadSchema>> = {
  readonly [N in keyof Old]: {
    readonly payload: Old[N]
    readonly to: (payload: Schema.Schema.Type<Old[N]>) => Target<N, Payload, Old>
  }
}

/** The issue, not the exception: what throws here is the schema's own code. */
const makePayload = <Payload extends PayloadSchema>(
  schema: Payload,
  input: Payload["~type.make.in"]
): Result.Result<Payload["Type"], SchemaIssue.Issue> => {
  const problem = payloadProblem(input)
  if (problem !== undefined) return Result.fail(toSchemaIssue(problem))
  try {
    return Result.succeed(schema.make(input))
  } catch (error) {
    const first = issueOf(error)
    try {
      schema.make(input, { parseOptions: errorsOf(input) })
    } catch (again) {
      return Result.fail(issueOf(again))
    }
    return Result.fail(first)
  }
}

const issueOf = (error: unknown): SchemaIssue.Issue => {
  const cause = error instanceof Error ? error.cause : undefined
  if (SchemaIssue.isIssue(cause)) return cause
  throw error
}

const toSchemaIssue = ({ message, path }: PublishError.Issue): SchemaIssue.Issue =>
  new SchemaIssue.Pointer(path, new SchemaIssue.InvalidValue({ message }))

const definedUpcasts = (
  event: string,
  version: number,
  upcasts: { readonly [version: number]: Upcast }
): ReadonlyMap<number, Upcast> => {
  const problem = idProblem(event)
  if (problem !== undefined) throw new InvalidEvent({ event: String(event), field: "type", reason: problem })
  if (!Envelope.isVersion(version)) {
    throw new InvalidEvent({ event, field: "version", reason: "must be an integer above 0" })
  }
  const sorted = Object.entries(upcasts)
    .map(([key, upcast]) => [Number(key), upcast] as const)
    .toSorted(([one], [other]) => one - other)
  const versions = sorted.map(([key]) => key)
  const oldest = version - sorted.length
  if (versions.some((key, i) => key < 1 || key !== oldest + i)) {
    throw new InvalidEvent({
      event,
      field: "upcasts",
      reason: `must be versions without a gap up to ${version - 1}, found ${versions.join(", ")}`
    })
  }
  return new Map(sorted)
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isEvent = (u: unknown): u is Any => isRecord(u) && TypeId in u

/**
 * Defines an event. Throws {@link InvalidEvent} for a type that breaks the rules of `Envelope`, a version that is not an
 * integer above 0, or upcasts with a gap.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Type extends string,
  Payload extends PayloadSchema,
  Old extends Record<number, PayloadSchema> = {}
>(
  type: Type,
  options: {
    /** An integer above 0. */
    readonly version: number
    /** Needs no services, and is synchronous in both directions. */
    readonly payload: Payload
    /** The unit of order: 1 to 256 bytes of `[A-Za-z0-9:_./-]`. */
    readonly aggregateId: (payload: Payload["Type"]) => string
    /** Older versions, from any one up to `version - 1` without a gap. Default none. */
    readonly upcasts?: Upcasts<Payload, Old> | undefined
  }
): Event<Type, Payload> => {
  const { aggregateId, payload: schema, version } = options
  const upcasts = definedUpcasts(type, version, options.upcasts ?? {})
  JIT.enable(SchemaAST.toType(schema.ast))

  const assemble = (
    payload: Payload["Type"],
    meta: Meta,
    now: Clock.Clock,
    random: () => number
  ): Envelope.Envelope<Type, Payload["Type"]> | PublishError.InvalidEnvelope => {
    let aggregate: string
    try {
      aggregate = aggregateId(payload)
    } catch (error) {
      return invalidEnvelope([issue(["aggregateId"], `could not be derived from the payload: ${String(error)}`)])
    }
    const { causationId, correlationId, eventId, headers, tenantId, timestamp, traceId } = meta
    const envelope: Envelope.Envelope<Type, Payload["Type"]> = {
      eventId: eventId ?? v7(now, random),
      aggregateId: aggregate,
      type,
      version,
      timestamp: timestamp ?? new Date(now.currentTimeMillisUnsafe()),
      ...(traceId === undefined ? undefined : { traceId }),
      ...(correlationId === undefined ? undefined : { correlationId }),
      ...(causationId === undefined ? undefined : { causationId }),
      ...(tenantId === undefined ? undefined : { tenantId }),
      ...(headers === undefined ? undefined : { headers }),
      payload
    }
    const issues = Envelope.issues(envelope)
    return issues.length === 0 ? envelope : invalidEnvelope(issues)
  }

  return {
    [TypeId]: TypeId,
    type,
    version,
    payload: schema,
    upcasts,
    aggregateId,
    make: (input, meta = {}) => {
      const payload = makePayload(schema, input)
      if (Result.isFailure(payload)) throw new Schema.SchemaError(payload.failure)
      const envelope = assemble(payload.success, meta, clock, randomWord)
      if (envelope instanceof PublishError.InvalidEnvelope) throw envelope
      return envelope
    },
    makeEffect: (input, meta = {}) =>
      Effect.withFiber((fiber) => {
        const payload = makePayload(schema, input)
        if (Result.isFailure(payload)) return Effect.fail(invalidEnvelope(fromSchema(payload.failure, ["payload"])))
        const random = fiber.getRef(Random.Random)
        const envelope = assemble(
          payload.success,
          meta,
          fiber.getRef(Clock.Clock),
          () => Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000)
        )
        return envelope instanceof PublishError.InvalidEnvelope ? Effect.fail(envelope) : Effect.succeed(envelope)
      })
  }
}

/**
 * The event id of an output that is derived from an input: the same for the same input, so that a redelivered input
 * gives outputs that brokers and consumers recognise as repeated.
 *
 * It is the UUIDv5 (RFC 9562) of the JSON text `[sourceEventId,name,index]` in the namespace
 * `d1614167-bbbf-5510-8c55-c0aa41f92c99`, so that a service in another language can derive the same id. `name` tells the
 * derivations of one input apart (an event's type, a consumer group), `index` the outputs of one derivation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const derivedId = (sourceEventId: string, name: string, index: number): string =>
  v5(JSON.stringify([sourceEventId, name, index]))
