/**
 * Topics, drift and health.
 */
import { Cause, Effect, Exit, SubscriptionRef } from "effect"
import type * as BrokerError from "../../src/BrokerError.ts"
import * as Topic from "../../src/Topic.ts"
import { Corrected, expect, expectEqual, Lab, Noted } from "../Lab.ts"
import * as Law from "../Law.ts"

const theme = "Topics and health"

const reasonOf = <A>(exit: Exit.Exit<A, BrokerError.BrokerError>): string => {
  if (Exit.isSuccess(exit)) return "success"
  return exit.cause.reasons.find(Cause.isFailReason)?.error.reason._tag ?? "died"
}

const created = Law.make({
  theme,
  name: "a topic is created once and found afterwards",
  statement: "The first `ensure` creates it as defined, later ones and other clients find it, without any drift.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 3 })
    const bus = yield* lab.bus()
    const other = yield* lab.bus()
    const missing = yield* lab.await("describe", bus.admin.describe(topic.name))
    yield* expectEqual("before", missing._tag, "None")
    const ensure = (admin: typeof bus.admin) => lab.await("ensure", admin.ensure(topic))
    const found = [yield* ensure(bus.admin), yield* ensure(bus.admin), yield* ensure(other.admin)]
    yield* expectEqual("actions", found.map(({ action }) => action), ["created", "found", "found"])
    yield* expectEqual("drift", found.flatMap(({ drift }) => drift), [])
    const known = yield* lab.await("describe", other.admin.describe(topic.name))
    yield* expectEqual("the topic", known._tag === "Some" ? [known.value.name, known.value.partitions] : [], [
      topic.name,
      3
    ])
  })
})

const drift = Law.make({
  theme,
  name: "drift is reported as data",
  statement:
    "A definition that differs from what the broker has gives a drift with the field, what was expected and what is there.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* lab.await("ensure", bus.admin.ensure(topic))
    const wider = Topic.make(topic.name, { ...lab.subject.topic, events: [Noted, Corrected], partitions: 5 })
    const found = yield* lab.await("ensure", bus.admin.ensure(wider))
    const field = found.drift.find((known) => known.field === "partitions")
    yield* expect(field !== undefined, () => "5 partitions were asked for, 2 are there, and no drift was reported")
    yield* expectEqual("the drift", [field?.expected, field?.actual], ["5", "2"])
    yield* expectEqual("the topic that is there", found.topic.partitions, 2)
    const after = yield* lab.await("describe", bus.admin.describe(topic.name))
    yield* expectEqual("partitions afterwards", after._tag === "Some" ? after.value.partitions : 0, 2)
  })
})

const validateOnly = Law.make({
  theme,
  name: "validateOnly refuses what is missing or different, and writes nothing",
  statement:
    "A missing topic is `TopicMissing` and stays missing, a different one is `TopicMismatch` and stays as it is.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    const absent = yield* lab.await("ensure", Effect.exit(bus.admin.ensure(topic, "validateOnly")))
    yield* expectEqual("a missing topic", reasonOf(absent), "TopicMissing")
    yield* expectEqual("still missing", (yield* lab.await("describe", bus.admin.describe(topic.name)))._tag, "None")
    yield* lab.await("ensure", bus.admin.ensure(topic))
    const same = yield* lab.await("ensure", Effect.exit(bus.admin.ensure(topic, "validateOnly")))
    yield* expectEqual("the same definition", reasonOf(same), "success")
    const wider = Topic.make(topic.name, { ...lab.subject.topic, events: [Noted, Corrected], partitions: 4 })
    const other = yield* lab.await("ensure", Effect.exit(bus.admin.ensure(wider, "validateOnly")))
    yield* expectEqual("another definition", reasonOf(other), "TopicMismatch")
  })
})

const missingTopic = Law.make({
  theme,
  name: "a bus that may not create topics rejects what has none",
  statement:
    "With `ensure: \"validateOnly\"` a publish to a missing topic is `Rejected(TopicMissing)`, and a subscription fails with it.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus({ ensure: "validateOnly" })
    const [told] = yield* bus.publishAll(topic, [lab.fact("a", 0)])
    const error = told !== undefined && Exit.isFailure(told)
      ? told.cause.reasons.find(Cause.isFailReason)?.error
      : undefined
    yield* expectEqual("the publish", [error?.outcome, error?.reason._tag], ["rejected", "TopicMissing"])
    const subscribed = yield* Effect.exit(bus.consume(topic, { group: "g" }))
    yield* expect(Exit.isFailure(subscribed), () => "a group subscribed to a topic that does not exist")
    yield* expectEqual("still missing", (yield* lab.await("describe", bus.admin.describe(topic.name)))._tag, "None")
  })
})

const health = Law.make({
  theme,
  name: "health is a round trip to the broker",
  statement:
    "A check answers with the time of a round trip, with a probe only after a record was stored, and `status` is connected.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    yield* lab.await("ensure", bus.admin.ensure(topic))
    const plain = yield* lab.await("a check", bus.health.check())
    yield* expect(plain.roundTripMillis >= 0, () => `a round trip of ${plain.roundTripMillis} ms`)
    const status = yield* SubscriptionRef.get(bus.health.status)
    yield* expectEqual("status", status._tag, "Connected")
    yield* lab.await("a probe", bus.health.check({ probe: topic }))
    const { lag } = yield* lab.await("the backlog is known", bus.admin.backlog(topic, `never-${lab.token}`)).pipe(
      // A broker may know nothing of a group that never was.
      Effect.catch(() => Effect.succeed({ lag: 1 }))
    )
    yield* expectEqual("records stored by one probe", lag, 1)
  })
})

export const topics: ReadonlyArray<Law.Law> = [created, drift, validateOnly, missingTopic, health]
