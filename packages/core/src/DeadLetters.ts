/**
 * What a group could not handle: to look at, to replay, to discard.
 *
 * A group's dead letters are a topic, `<topic>.dlq.<group>`: one partition, with the source's replicas and storage,
 * without retention. Each keeps the original bytes and headers. What is done with one is recorded behind it in the same
 * topic, so that nothing is ever changed or removed, and everybody sees the same.
 *
 * A listing reads the whole topic, and holds it in memory.
 *
 * @since 0.1.0
 */
import { Clock, Context, Effect, Layer, Option } from "effect"
import * as Broker from "./Broker.ts"
import type * as BrokerError from "./BrokerError.ts"
import * as Headers from "./Headers.ts"
import { type Codec, makeCodec } from "./internal/codec.ts"
import { RawPublisher, type RawRecord } from "./internal/rawPublisher.ts"
import * as Mark from "./internal/subscribe/deadLetterMark.ts"
import * as DeadLetterRecord from "./internal/subscribe/deadLetterRecord.ts"
import * as DeadLetterStore from "./internal/subscribe/deadLetterStore.ts"
import { readTopic } from "./internal/subscribe/readTopic.ts"
import { v5 } from "./internal/uuid.ts"
import type * as PublishError from "./PublishError.ts"
import * as Topic from "./Topic.ts"

// --- models -----------------------------------------------------------------------------------------------------------

/**
 * One replay of a dead letter.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replay {
  /** 1 for the first replay of the event, counting those of its earlier deaths. */
  readonly number: number
  /** The topic that it was published to. */
  readonly to: string
  readonly at: Date
}

/**
 * A delivery that a group could not handle, as it was, and what is known of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter<out T extends Topic.Any> {
  /** Its position among the group's dead letters. */
  readonly id: string
  /** Where it was read from when it died: the topic, or the group's retry topic. */
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly group: string
  /** How often it was handed to a handler, or once where it could not be. */
  readonly attempts: number
  /** What went wrong, with its stack; at most 4 KiB, secrets redacted. */
  readonly cause: string
  /** When the group first saw it. */
  readonly firstSeen: Date
  readonly deadLetteredAt: Date
  /** W3C `traceparent` of the publisher. */
  readonly trace: string | undefined
  /** Which replay of its event died; 0 for the first publication. */
  readonly replay: number
  /** The replays of this dead letter. */
  readonly replays: ReadonlyArray<Replay>
  readonly discardedAt: Date | undefined
  readonly key: string | undefined
  readonly headers: Headers.Headers
  readonly bytes: Uint8Array
  /** As far as it can be read from the record. */
  readonly eventId: string | undefined
  /** `undefined` where the topic, as it is defined now, cannot decode it. */
  readonly envelope: Topic.EnvelopeOf<T> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface GroupOptions {
  readonly group: string
  /** The dead letter topic, where the subscription names one. Default `<topic>.dlq.<group>`. */
  readonly deadLetter?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ListOptions extends GroupOptions {
  /** The oldest so many. Default 1,000. */
  readonly limit?: number | undefined
  /** Those that were discarded, too. Default false. */
  readonly discarded?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ReplayOptions<T extends Topic.Any> extends GroupOptions {
  /** Default: all that were not discarded. */
  readonly select?: ((deadLetter: DeadLetter<T>) => boolean) | undefined
  /**
   * `"topic"`: for every group that reads it. `"group"`: for this group alone, through `<topic>.retry.<group>`, which its
   * subscriptions read, too.
   */
  readonly to: "topic" | "group"
  /** Those that were replayed before, too. Default false: no replay is repeated by accident. */
  readonly again?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ReplayResult<out T extends Topic.Any> {
  /** Published, and recorded as such, in the order of their deaths. */
  readonly replayed: ReadonlyArray<DeadLetter<T>>
  /** Selected, but replayed before. */
  readonly skipped: ReadonlyArray<DeadLetter<T>>
  /**
   * Not published, or not recorded. To repeat the replay is safe: it has the same number, so that the broker and the
   * consumer's deduplication recognise it.
   */
  readonly failed: ReadonlyArray<{ readonly deadLetter: DeadLetter<T>; readonly error: PublishError.PublishError }>
}

// --- the service ------------------------------------------------------------------------------------------------------

/**
 * @category services
 * @since 0.1.0
 */
export class DeadLetters extends Context.Service<DeadLetters, {
  /** The dead letters of a group, the oldest first. Empty where it never had any. */
  readonly list: <T extends Topic.Any>(
    topic: T,
    options: ListOptions
  ) => Effect.Effect<ReadonlyArray<DeadLetter<T>>, BrokerError.BrokerError>
  /**
   * Publishes dead letters again, one after the other, in the order of their deaths: the original bytes and headers, with
   * the event id that they had. `X-DeadLetter-Replay` says which replay of its event it is. It has a deduplication id of
   * its own, so that the broker does not take it for the original, and the consumer's deduplication lets it pass.
   */
  readonly replay: <T extends Topic.Any>(
    topic: T,
    options: ReplayOptions<T>
  ) => Effect.Effect<ReplayResult<T>, BrokerError.BrokerError>
  /** Records that nothing more is to be done with them. They are no longer listed or replayed. Returns them. */
  readonly discard: <T extends Topic.Any>(
    topic: T,
    options: GroupOptions & { readonly select: (deadLetter: DeadLetter<T>) => boolean }
  ) => Effect.Effect<ReadonlyArray<DeadLetter<T>>, BrokerError.BrokerError | PublishError.PublishError>
}>()("@effect-eventbus/core/DeadLetters") {}

// --- constructors -----------------------------------------------------------------------------------------------------

type Letter = DeadLetter<Topic.Any>

interface Entry extends Omit<Letter, "replays" | "discardedAt"> {
  readonly replays: Array<Replay>
  discardedAt: Date | undefined
}

const nameOf = (topic: Topic.Any, options: GroupOptions): string =>
  options.deadLetter ?? Topic.deadLetterName(topic.name, options.group)

/** The event id of a record that need not be decodable. */
const eventIdOf = (headers: Headers.Headers): string | undefined =>
  Headers.get(headers, "X-Event-ID") ?? Headers.get(headers, "ce-id") ?? Headers.get(headers, "ce_id")

const entryOf = (
  record: Broker.InboundRecord,
  codec: Codec
): Entry | undefined => {
  const parsed = DeadLetterRecord.parse(record.headers)
  if (parsed === undefined) return undefined
  const { at, headers, key, ...rest } = parsed
  const decoding = codec.decode({ headers, body: record.body, key })
  const envelope = decoding._tag === "Decoded" ? decoding.envelope : undefined
  // An event of an unknown type or version has its id in the body all the same.
  const eventId = decoding._tag === "Undecodable"
    ? undefined
    : decoding._tag === "Decoded"
    ? decoding.envelope.eventId
    : decoding.eventId
  return {
    ...rest,
    id: Mark.idOf(record.partition, record.offset),
    deadLetteredAt: at,
    replays: [],
    discardedAt: undefined,
    key,
    headers,
    bytes: record.body,
    eventId: eventId ?? eventIdOf(headers),
    envelope
  }
}

/** Number of the next replay of a dead letter. */
const nextNumber = (letter: Letter): number =>
  letter.replays.reduce((highest, { number }) => Math.max(highest, number), letter.replay) + 1

/** The original again, with the number of the replay. */
const replayRecord = (to: string, letter: Letter, number: number): RawRecord => {
  const name = DeadLetterRecord.replayHeader.toLowerCase()
  return {
    eventId: v5(
      JSON.stringify(["replay", to, letter.eventId ?? `${letter.topic} ${letter.partition} ${letter.offset}`, number])
    ),
    key: letter.key ?? "",
    headers: [
      ...letter.headers.filter(([header]) => header.toLowerCase() !== name),
      [DeadLetterRecord.replayHeader, String(number)]
    ],
    body: letter.bytes
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<DeadLetters["Service"], never, Broker.Broker | RawPublisher> = Effect.gen(function*() {
  const broker = yield* Broker.Broker
  const publisher = yield* RawPublisher

  /** All of them, with what was done with them. */
  const read = Effect.fnUntraced(function*(topic: Topic.Any, options: GroupOptions) {
    const spec = DeadLetterStore.topicSpec(nameOf(topic, options), topic)
    const entries = new Map<string, Entry>()
    if (Option.isNone(yield* broker.describeTopic(spec.name))) return []
    const codec = makeCodec(topic)
    yield* readTopic(broker, spec, (record) => {
      const mark = Mark.parse(record.headers)
      if (mark === undefined) {
        const entry = entryOf(record, codec)
        // A topic of another name may serve several groups.
        if (entry !== undefined && entry.group === options.group) entries.set(entry.id, entry)
        return
      }
      const entry = entries.get(mark.of)
      if (entry === undefined) return
      if (mark.kind === "discarded") entry.discardedAt ??= mark.at
      else if (!entry.replays.some(({ number, to }) => number === mark.number && to === mark.to)) {
        entry.replays.push({ number: mark.number, to: mark.to, at: mark.at })
      }
    })
    return Array.from(entries.values())
  })

  const mark = Effect.fnUntraced(function*(
    topic: Topic.Any,
    options: GroupOptions,
    letter: Letter,
    what: Pick<Mark.Mark, "kind" | "to" | "number">
  ) {
    const spec = DeadLetterStore.topicSpec(nameOf(topic, options), topic)
    const at = new Date(yield* Clock.currentTimeMillis)
    yield* publisher.publishRaw(spec, Mark.toRecord(spec.name, letter.key ?? "", { ...what, of: letter.id, at }))
    return at
  })

  const list = Effect.fnUntraced(function*(topic: Topic.Any, options: ListOptions) {
    const entries: ReadonlyArray<Letter> = yield* read(topic, options)
    return entries
      .filter(({ discardedAt }) => options.discarded === true || discardedAt === undefined)
      .slice(0, options.limit ?? 1000)
  })

  const replay = Effect.fnUntraced(function*(topic: Topic.Any, options: ReplayOptions<Topic.Any>) {
    const to: Broker.TopicSpec = options.to === "topic"
      ? topic
      : { ...topic, name: Topic.retryName(topic.name, options.group) }
    const replayed: Array<Letter> = []
    const skipped: Array<Letter> = []
    const failed: Array<{ readonly deadLetter: Letter; readonly error: PublishError.PublishError }> = []
    for (const letter of yield* list(topic, { ...options, limit: Infinity })) {
      if (options.select !== undefined && !options.select(letter)) continue
      if (letter.replays.length > 0 && options.again !== true) {
        skipped.push(letter)
        continue
      }
      const number = nextNumber(letter)
      // Published first: if the mark is lost, the replay can be repeated, and is recognised.
      yield* publisher.publishRaw(to, replayRecord(to.name, letter, number)).pipe(
        Effect.andThen(mark(topic, options, letter, { kind: "replayed", to: to.name, number })),
        Effect.match({
          onSuccess: (at) => replayed.push({ ...letter, replays: [...letter.replays, { number, to: to.name, at }] }),
          onFailure: (error) => failed.push({ deadLetter: letter, error })
        })
      )
    }
    return { replayed, skipped, failed }
  })

  const discard = Effect.fnUntraced(function*(
    topic: Topic.Any,
    options: GroupOptions & { readonly select: (letter: Letter) => boolean }
  ) {
    const discarded: Array<Letter> = []
    for (const letter of yield* list(topic, { ...options, limit: Infinity })) {
      if (!options.select(letter)) continue
      const discardedAt = yield* mark(topic, options, letter, { kind: "discarded", to: "", number: 0 })
      discarded.push({ ...letter, discardedAt })
    }
    return discarded
  })

  return DeadLetters.of(typed({ list, replay, discard }))
})

interface Untyped {
  readonly list: (
    topic: Topic.Any,
    options: ListOptions
  ) => Effect.Effect<ReadonlyArray<Letter>, BrokerError.BrokerError>
  readonly replay: (
    topic: Topic.Any,
    options: ReplayOptions<Topic.Any>
  ) => Effect.Effect<ReplayResult<Topic.Any>, BrokerError.BrokerError>
  readonly discard: (
    topic: Topic.Any,
    options: GroupOptions & { readonly select: (letter: Letter) => boolean }
  ) => Effect.Effect<ReadonlyArray<Letter>, BrokerError.BrokerError | PublishError.PublishError>
}

/** A topic's codec yields only envelopes of its events: what was read of a topic `T` are its dead letters. */
const typed = (self: Untyped): DeadLetters["Service"] => self as unknown as DeadLetters["Service"]

/**
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<DeadLetters, never, Broker.Broker | RawPublisher> = Layer.effect(DeadLetters, make)
