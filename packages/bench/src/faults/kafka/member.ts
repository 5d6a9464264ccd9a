/**
 * A service as a process of its own: it reads as a member of a group, if wanted it publishes, and it writes what happens
 * down as it happens, a line of JSON each. Lines are written at once, so that a SIGKILL loses none.
 *
 * Argument: a {@link Settings} as JSON.
 */
import {
  Broker,
  type Delivery,
  type Event,
  EventBus,
  Publisher,
  type PublishError,
  Subscriber,
  Topic
} from "@effect-eventbus/core"
import { KafkaBroker } from "@effect-eventbus/kafka"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Layer, References, Stream, SubscriptionRef } from "effect"
import { writeSync } from "node:fs"
import { Moved } from "../moved.ts"
import { listening } from "../unclear.ts"
import { brisk } from "./lab.ts"
import type { Line, Settings } from "./lines.ts"

const settings: Settings = JSON.parse(process.argv[2] ?? "{}")
const { group, member, topic: name } = settings

/** Waits until the system has the line: `process.stdout` queues what a slow reader has no room for, and a SIGKILL loses it. */
const say = (line: Line): void => {
  const text = Buffer.from(`${JSON.stringify({ ...line, at: performance.timeOrigin + performance.now() })}\n`)
  for (let at = 0; at < text.length;) {
    try {
      at += writeSync(1, text, at)
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EAGAIN") throw error
    }
  }
}

const topic = Topic.make(name, { events: [Moved], partitions: settings.partitions })

/** What the driver says is this member's, at any moment. */
let assignment: Broker.Consumer["assignment"] | undefined

const tellAssignment = (assigned: ReadonlyArray<Broker.Assignment>) =>
  Effect.sync(() => say({ _tag: "Assigned", partitions: assigned.map(({ partition }) => partition) }))

/** Tells of each. */
class Told extends Set<string> {
  override add(eventId: string): this {
    if (!this.has(eventId)) say({ _tag: "Unclear", eventId })
    return super.add(eventId)
  }
}

const driver = KafkaBroker.layer({
  bootstrapBrokers: settings.bootstrap,
  requestTimeout: settings.requestMillis,
  consumer: {
    ...brisk.consumer,
    sessionTimeout: settings.sessionMillis,
    handoverTimeout: settings.sessionMillis / 3
  }
})

const broker = Layer.effect(
  Broker.Broker,
  Effect.map(Broker.Broker, (inner) =>
    Broker.Broker.of({
      ...inner,
      consumer: (options) =>
        Effect.tap(inner.consumer(options), (consumer) =>
          Effect.sync(() => {
            if (options.topic.name === name) assignment = consumer.assignment
          }).pipe(
            Effect.andThen(
              Effect.forkScoped(Stream.runForEach(SubscriptionRef.changes(consumer.assignment), tellAssignment))
            )
          ))
    }))
).pipe(Layer.provide(listening(driver, new Told())))

let runs = 0
let running = 0
/** A handler: how long it takes is the settings' to say. */
const handle = ({ aggregateId, eventId }: Event.EnvelopeOf<typeof Moved>, delivery: Delivery.Any) =>
  Effect.gen(function*() {
    const run = ++runs
    const { attempt, offset, partition } = delivery
    const own = assignment === undefined ? [] : yield* SubscriptionRef.get(assignment)
    const revoked = !own.some((one) => one.partition === partition)
    running++
    say({
      _tag: "Started",
      run,
      group,
      member,
      eventId,
      aggregateId,
      attempt,
      topic: name,
      partition,
      offset: String(offset),
      revoked
    })
    return yield* Effect.onExit(Effect.sleep(settings.handleMillis), (exit) =>
      Effect.sync(() => {
        running--
        say({ _tag: "Ended", run, outcome: Exit.isSuccess(exit) ? "done" : "interrupted" })
      }))
  })

const publishing = Effect.gen(function*() {
  const publisher = yield* Publisher.Publisher
  let n = 0
  const one = Effect.suspend(() => {
    const issue = ++n
    const eventId = `${name}-${member}-${issue}`
    const key = `${member}-${issue % 10}`
    say({ _tag: "Issued", issue, topic: name, eventId, aggregateId: key })
    const tell = (exit: Exit.Exit<unknown, PublishError.PublishError>): void => {
      const error = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
      const outcome = Exit.isSuccess(exit) ? "acked" : error?.outcome ?? "withdrawn"
      say({ _tag: "Settled", issue, eventId, outcome })
    }
    return publisher.publishAsync(topic, Moved.make({ key, n: issue }, { eventId })).pipe(
      Effect.onExit((exit) => Effect.sync(() => Exit.isFailure(exit) && tell(exit))),
      Effect.flatMap((receipt) =>
        Effect.forkDetach(Effect.map(Effect.exit(receipt), tell), { startImmediately: true })
      ),
      Effect.exit
    )
  })
  yield* Effect.forever(Effect.andThen(Effect.repeat(one, { times: 24 }), Effect.sleep(25)))
})

const program = Effect.gen(function*() {
  const subscriber = yield* Subscriber.Subscriber
  const subscription = yield* subscriber.subscribe(topic, {
    group,
    concurrency: settings.concurrency,
    maxInFlight: settings.maxInFlight,
    drainTimeout: settings.drainMillis,
    handlers: { Moved: handle }
  })
  say({ _tag: "Ready" })
  if (settings.publishes) yield* Effect.forkScoped(publishing)
  yield* subscription.await
}).pipe(
  Effect.scoped,
  Effect.provide(EventBus.layer({ drainTimeout: settings.drainMillis }).pipe(Layer.provide(broker))),
  Effect.onExit((exit) =>
    Effect.sync(() => say({ _tag: "Closed", running, failed: Exit.isFailure(exit) && !Exit.hasInterrupts(exit) }))
  )
)

let signalledAt: number | undefined
process.on("SIGTERM", () => {
  signalledAt ??= performance.now()
  say({ _tag: "Signalled", running })
})
process.on("exit", (code) => {
  if (signalledAt !== undefined) say({ _tag: "Exit", code, drainMillis: performance.now() - signalledAt })
})

NodeRuntime.runMain(Effect.provideService(program, References.LogToStderr, true))
