import { type Cause, Deferred, Effect, Exit, type Fiber, Queue, Sink, Stream } from "effect"
import type { PublishResult, Rejected, Unknown } from "../../PublishResult.ts"
import type * as Topic from "../../Topic.ts"
import { Fifo } from "../fifo.ts"
import { Entry } from "./entry.ts"
import { type Intake, refusal, refusalResult } from "./intake.ts"

interface Slot<A> {
  readonly value: A
  readonly entry: Entry | undefined
  readonly refused: PublishResult | undefined
}

/**
 * Publishes one element: an entry that was accepted, or the result of one that was not. Waits for room in the window;
 * `observer` is told of the settlement.
 */
const accept = (
  intake: Intake,
  topic: Topic.Any,
  envelope: unknown,
  fiber: Fiber.Fiber<unknown, unknown>,
  observer?: (result: PublishResult) => void
): Entry | Effect.Effect<Entry | PublishResult> => {
  const made = intake.prepare(topic, envelope, fiber)
  if (made._tag === "Refusal") return Effect.succeed(refusalResult(topic.name, made))
  made.observer = observer
  if (intake.pipeline.tryAdmit(made)) return made
  return Effect.match(intake.pipeline.admit(made), {
    onFailure: (reason): Entry | PublishResult => refusalResult(topic.name, refusal(envelope, reason)),
    onSuccess: () => made
  })
}

/** Where much waits for the pump, it has its turn before the next element. */
const pumpFirst = ({ pipeline }: Intake, entry: Entry): Effect.Effect<void> | undefined =>
  pipeline.crowded(entry.topic) ? Effect.yieldNow : undefined

const isEntry = (u: Entry | PublishResult): u is Entry => u._tag === "Entry"

/**
 * Runs `step` for each value, one after the other. Where it gives nothing to wait for, the next one follows at once,
 * without a step of the fiber's loop.
 */
const eachWaiting =
  <A>(step: (value: A, fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<unknown> | undefined) =>
  (values: ReadonlyArray<A>): Effect.Effect<void> =>
    Effect.withFiber((fiber) => {
      let i = 0
      return Effect.whileLoop({
        while: () => i < values.length,
        body: () => {
          while (i < values.length) {
            const wait = step(values[i++]!, fiber)
            if (wait !== undefined) return wait
          }
          return Effect.void
        },
        step: () => {}
      })
    })

/** Opens the topic, or tells why not: the stream goes on either way, with each element refused. */
const openOrRefuse = (intake: Intake, topic: Topic.Any) => Effect.result(intake.open(topic))

/** `Publisher.throughWith`: one fiber reads and publishes, the reader of the stream gets results in input order. */
export const throughWith = <A, E, R>(
  intake: Intake,
  topic: Topic.Any,
  source: Stream.Stream<A, E, R>,
  envelopeOf: (value: A) => unknown
): Stream.Stream<readonly [PublishResult, A], E, R> =>
  Stream.unwrap(Effect.gen(function*() {
    const slots = yield* Queue.bounded<Slot<A>, E | Cause.Done>(intake.pipeline.options.maxPending)

    const publishOne = (value: A, fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<unknown> | undefined => {
      const accepted = accept(intake, topic, envelopeOf(value), fiber)
      if (accepted instanceof Entry) {
        const slot: Slot<A> = { value, entry: accepted, refused: undefined }
        return Queue.offerUnsafe(slots, slot) ? pumpFirst(intake, accepted) : Queue.offer(slots, slot)
      }
      return Effect.flatMap(accepted, (made) =>
        Queue.offer(
          slots,
          isEntry(made)
            ? { value, entry: made, refused: undefined }
            : { value, entry: undefined, refused: made }
        ))
    }
    const feed = Effect.gen(function*() {
      const opened = yield* openOrRefuse(intake, topic)
      if (opened._tag === "Success") return yield* Stream.runForEachArray(source, eachWaiting(publishOne))
      const reason = opened.failure
      return yield* Stream.runForEach(source, (value) =>
        Queue.offer(slots, {
          value,
          entry: undefined,
          refused: refusalResult(topic.name, refusal(envelopeOf(value), reason))
        }))
    })
    yield* Effect.forkScoped(Queue.into(feed, slots))

    const waiting = new Fifo<Slot<A>>()
    const emit = (): readonly [readonly [PublishResult, A], ...Array<readonly [PublishResult, A]>] | undefined => {
      const first = take(waiting)
      if (first === undefined) return undefined
      const out: [readonly [PublishResult, A], ...Array<readonly [PublishResult, A]>] = [first]
      for (let next = take(waiting); next !== undefined; next = take(waiting)) out.push(next)
      return out
    }
    const refill = Effect.map(Queue.takeAll(slots), (more) => {
      for (const slot of more) waiting.push(slot)
    })
    const pull: Effect.Effect<
      readonly [readonly [PublishResult, A], ...Array<readonly [PublishResult, A]>],
      E | Cause.Done
    > = Effect.suspend(() => {
      const ready = emit()
      if (ready !== undefined) return Effect.succeed(ready)
      const head = waiting.peek()
      return head?.entry === undefined
        ? Effect.flatMap(refill, () => pull)
        : Effect.flatMap(Effect.exit(head.entry.receipt), () => pull)
    })
    return Stream.fromPull(Effect.succeed(pull))
  }))

/** The head, if it has its result. */
const take = <A>(waiting: Fifo<Slot<A>>): readonly [PublishResult, A] | undefined => {
  const head = waiting.peek()
  if (head === undefined) return undefined
  const result = head.refused ?? head.entry?.result
  if (result === undefined) return undefined
  waiting.shift()
  return [result, head.value]
}

/**
 * What became of the envelopes that a sink published.
 */
export interface Summary {
  readonly published: number
  readonly acked: number
  readonly duplicates: number
  readonly rejected: number
  readonly unknown: number
  /** The first of those that were not acknowledged. */
  readonly failures: ReadonlyArray<Rejected | Unknown>
}

const failuresKept = 10

/** `Publisher.sink`: counts, keeps the first failures, ends when everything has settled. */
export const sink = (intake: Intake, topic: Topic.Any): Sink.Sink<Summary, unknown> =>
  Sink.unwrap(Effect.map(openOrRefuse(intake, topic), (opened) => {
    const counts = { published: 0, acked: 0, duplicates: 0, rejected: 0, unknown: 0 }
    const failures: Array<Rejected | Unknown> = []
    const done = Deferred.makeUnsafe<void>()
    let ended = false
    const settled = () => counts.acked + counts.rejected + counts.unknown
    const observe = (result: PublishResult): void => {
      switch (result._tag) {
        case "Acked":
          counts.acked++
          if (result.receipt.duplicate === true) counts.duplicates++
          break
        case "Rejected":
          counts.rejected++
          if (failures.length < failuresKept) failures.push(result)
          break
        case "Unknown":
          counts.unknown++
          if (failures.length < failuresKept) failures.push(result)
      }
      if (ended && settled() === counts.published) Deferred.doneUnsafe(done, Exit.void)
    }
    const publishOne = (
      envelope: unknown,
      fiber: Fiber.Fiber<unknown, unknown>
    ): Effect.Effect<unknown> | undefined => {
      counts.published++
      if (opened._tag === "Failure") {
        observe(refusalResult(topic.name, refusal(envelope, opened.failure)))
        return undefined
      }
      const accepted = accept(intake, topic, envelope, fiber, observe)
      if (accepted instanceof Entry) return pumpFirst(intake, accepted)
      return Effect.map(accepted, (made) => {
        if (!isEntry(made)) observe(made)
      })
    }
    return Sink.forEachArray(eachWaiting(publishOne)).pipe(Sink.mapEffect(() =>
      Effect.suspend(() => {
        ended = true
        return Effect.map(
          settled() === counts.published ? Effect.void : Deferred.await(done),
          (): Summary => ({ ...counts, failures })
        )
      })
    ))
  }))
