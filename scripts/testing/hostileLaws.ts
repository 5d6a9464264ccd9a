// F28, for any driver: everything hostile is refused before anything is sent, and its neighbours are none the wiser.
import * as Broker from "@effect-eventbus/core/Broker"
import * as Event from "@effect-eventbus/core/Event"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import * as Topic from "@effect-eventbus/core/Topic"
import { Effect, Exit, Layer, Schema } from "effect"
import { describe, expect, test } from "vitest"
import * as Hostile from "./hostile.ts"

const Noted = Event.make("Noted", {
  version: 1,
  payload: Schema.Struct({ key: Schema.String }),
  aggregateId: ({ key }) => key
})

export interface Subject {
  readonly layer: () => Layer.Layer<Broker.Broker, unknown>
  /** Everything that this client has sent so far; of the connection, not of the driver. */
  readonly sent: Effect.Effect<number, never, Broker.Broker>
  /** Names of this run. */
  readonly fresh: () => string
}

const tagOf = (
  exit: Exit.Exit<unknown, { readonly outcome: string; readonly reason: { readonly _tag: string } }>
): string => {
  if (Exit.isSuccess(exit)) return "acked"
  const [reason] = exit.cause.reasons
  return reason?._tag === "Fail" ? `${reason.error.outcome} ${reason.error.reason._tag}` : "defect"
}

const define = (name: string): string => {
  try {
    Topic.make(name, { events: [Noted] })
    return "defined"
  } catch (error) {
    return error instanceof Topic.InvalidTopic ? "refused" : String(error)
  }
}

/** Registers the tests. */
export const run = (name: string, { fresh, layer, sent }: Subject): void => {
  const topicOf = () => Topic.make(fresh(), { events: [Noted] })
  const spec = (topic: string): Broker.TopicSpec => ({ ...topicOf(), name: topic })
  const provided = <A, E>(effect: Effect.Effect<A, E, EventBus.Services | Broker.Broker>) =>
    Effect.runPromise(Effect.provide(effect, Layer.provideMerge(EventBus.layer(), layer())))

  /** Those that were not refused as they should be, and how much was sent. */
  const attempts = <A, R>(
    inputs: ReadonlyArray<string>,
    attempt: (input: string) => Effect.Effect<A, unknown, R>
  ) =>
    Effect.gen(function*() {
      const before = yield* sent
      const through: Array<string> = []
      for (const input of inputs) {
        const exit = yield* Effect.exit(attempt(input))
        if (Exit.isSuccess(exit)) through.push(JSON.stringify(input.slice(0, 40)))
        else if (!exit.cause.reasons.every(({ _tag }) => _tag === "Fail")) through.push(`${input.slice(0, 40)} defect`)
      }
      return { through, sent: (yield* sent) - before }
    })

  const nothing = { through: [], sent: 0 }

  describe(`F28, ${name}`, () => {
    test("a definition with a hostile name is no definition", () => {
      expect(Hostile.topicNames.filter((input) => define(input) !== "refused")).toEqual([])
    })

    test("topics, past the definition", async () => {
      const found = await provided(Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const strategies = ["createOnly", "createOrUpdate", "validateOnly", "skip"] as const
        return [
          ...(yield* Effect.forEach(
            strategies,
            (strategy) => attempts(Hostile.topicNames, (input) => broker.ensureTopic(spec(input), strategy))
          )),
          yield* attempts(Hostile.topicNames, (input) => broker.describeTopic(input)),
          yield* attempts(Hostile.topicNames, (input) => broker.health({ probe: spec(input) })),
          yield* attempts(Hostile.topicNames, (input) => broker.backlog(spec(input), "g")),
          yield* attempts(Hostile.topicNames, (input) =>
            Effect.scoped(broker.consumer({
              topic: spec(input),
              group: "g",
              from: "earliest",
              maxInFlight: 1,
              maxInFlightBytes: 1024,
              ackWaitMillis: 1000
            })))
        ]
      }))
      // A health check asks whether the connection is there before it looks for the topic.
      expect(found.map(({ through }) => through)).toEqual(found.map(() => []))
      expect(found.map((one, i) => i === 5 ? 0 : one.sent)).toEqual(found.map(() => 0))
    })

    test("groups", async () => {
      const topic = topicOf()
      const found = await provided(Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const subscriber = yield* Subscriber.Subscriber
        yield* broker.ensureTopic(topic, "createOnly")
        return [
          yield* attempts(
            Hostile.groupNames,
            (group) => Effect.scoped(subscriber.subscribe(topic, { group, handlers: { Noted: () => Effect.void } }))
          ),
          yield* attempts(Hostile.groupNames, (group) => broker.backlog(topic, group)),
          yield* attempts(Hostile.groupNames, (group) =>
            Effect.scoped(broker.consumer({
              topic,
              group,
              from: "earliest",
              maxInFlight: 1,
              maxInFlightBytes: 1024,
              ackWaitMillis: 1000
            })))
        ]
      }))
      expect(found).toEqual([nothing, nothing, nothing])
    })

    test("ids and headers, and what is published beside them", async () => {
      const topic = topicOf()
      const found = await provided(Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        const good = Noted.make({ key: "good" })
        const atFirst = yield* sent
        yield* publisher.publish(topic, good)
        // Else nothing is counted here.
        const counted = (yield* sent) - atFirst
        const hostile = [
          ...Hostile.aggregateIds.map((aggregateId) => ({ ...good, aggregateId })),
          ...Hostile.eventIds.map((eventId) => ({ ...good, eventId })),
          ...Hostile.headerNames.map((header) => ({ ...good, headers: Object.fromEntries([[header, "x"]]) })),
          ...Hostile.headerValues.map((value) => ({ ...good, headers: { a: value } })),
          { ...good, headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, "x"])) }
        ]
        const before = yield* sent
        const alone = yield* Effect.forEach(hostile, (envelope) => Effect.exit(publisher.publish(topic, envelope)))
        const spent = (yield* sent) - before
        // Each of them between two that are as they should be.
        const members = hostile.flatMap((envelope, n) => [envelope, Noted.make({ key: `k${n}` })])
        const exits = yield* publisher.publishBatch(topic, members)
        return { alone, exits, spent, counted, count: hostile.length }
      }))
      expect(found.alone.map(tagOf)).toEqual(found.alone.map(() => "rejected InvalidEnvelope"))
      expect(found.spent).toBe(0)
      expect(found.exits.map(tagOf)).toEqual(
        found.exits.map((_, i) => i % 2 === 0 ? "rejected InvalidEnvelope" : "acked")
      )
      expect(found.count).toBeGreaterThan(40)
      expect(found.counted).toBeGreaterThan(0)
    })
  })
}
