/**
 * A bus of a lab: over a client of its own, with everything in the history.
 */
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import * as Broker from "../../src/Broker.ts"
import * as DeadLetters from "../../src/DeadLetters.ts"
import * as Health from "../../src/Health.ts"
import * as Publisher from "../../src/Publisher.ts"
import * as Subscriber from "../../src/Subscriber.ts"
import * as TopicAdmin from "../../src/TopicAdmin.ts"
import type { History, Told } from "../History.ts"
import type { Bus, BusOptions, ConsumeOptions } from "../Lab.ts"
import type { Subject } from "../Subject.ts"
import * as Client from "./client.ts"
import type { Fact, LawTopic } from "./facts.ts"
import { LawViolation, type Time, violated } from "./time.ts"

export const asViolation =
  (what: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, LawViolation, R> =>
    Effect.mapError(
      effect,
      (error) =>
        error instanceof LawViolation
          ? error
          : violated(`${what}: ${error instanceof Error ? error.message : String(error)}`, error)
    )

/** A client, in a scope. */
export const connect = (subject: Subject, time: Time, scope: Scope.Scope) =>
  Effect.map(
    time.await("a client connects", Layer.buildWithScope(Layer.fresh(subject.layer), scope)),
    (context) => Context.get(context, Broker.Broker)
  ).pipe(asViolation("a client cannot connect"))

export const open = Effect.fnUntraced(function*(
  fields: { readonly subject: Subject; readonly time: Time; readonly history: History; readonly root: Scope.Scope },
  options?: BusOptions
): Effect.fn.Return<Bus, LawViolation> {
  const { history, root, subject, time } = fields
  const scope = yield* Scope.fork(root)
  const client = Client.wrap(yield* connect(subject, time, scope))
  const { reports = true, ...busOptions } = options ?? {}
  const layer = Layer.provide(subject.bus(busOptions), Layer.succeed(Broker.Broker, client.broker))
  const context = yield* time.await("a bus opens", Layer.buildWithScope(Layer.fresh(layer), scope)).pipe(
    asViolation("the bus does not open")
  )
  const publisher = Context.get(context, Publisher.Publisher)
  const subscriber = Context.get(context, Subscriber.Subscriber)
  const reading = yield* Effect.forkIn(reports ? history.reports(publisher) : Effect.void, root, {
    startImmediately: true
  })

  const consume = Effect.fnUntraced(function*(topic: LawTopic, asked: ConsumeOptions) {
    const { handle = () => Effect.void, member = "m1", ...rest } = asked
    const inner = yield* Scope.fork(scope)
    const handler = history.handler<Fact, unknown, unknown, never>(asked.group, member, handle)
    const subscribed = subscriber.subscribe(topic, { ...rest, handlers: { Noted: handler, Corrected: handler } })
    const subscription = yield* time.await(`${asked.group} subscribes`, Scope.provide(subscribed, inner))
    return { ...subscription, close: time.await(`${asked.group} ends`, Scope.close(inner, Exit.void)) }
  })

  const publishAll = Effect.fnUntraced(function*(topic: LawTopic, facts: Iterable<Fact>) {
    const told: Array<Effect.Effect<Told>> = []
    for (const fact of facts) {
      told.push(yield* time.await("a publish is accepted", history.publish(publisher, topic, fact)))
    }
    return yield* time.await("every publish settles", Effect.all(told))
  })

  const close = Effect.andThen(
    time.await("a bus closes", Scope.close(scope, Exit.void)),
    time.await("its results end", Fiber.await(reading))
  )
  return {
    publisher,
    subscriber,
    admin: Context.get(context, TopicAdmin.TopicAdmin),
    deadLetters: Context.get(context, DeadLetters.DeadLetters),
    health: Context.get(context, Health.Health),
    broker: client.broker,
    scope,
    consume,
    publishAll,
    acked: (topic, facts) =>
      Effect.flatMap(
        publishAll(topic, facts),
        (told) => Effect.all(told.map((exit) => asViolation("a publish was not acknowledged")(exit)))
      ),
    close,
    crash: Effect.suspend(() => {
      client.crash()
      return close
    }),
    gate: client.gate
  }
})
