import { type Cause, Clock, Effect, Exit, Fiber, Queue, Scope } from "effect"
import * as Broker from "../../Broker.ts"
import type * as BrokerError from "../../BrokerError.ts"
import { PublishStages } from "../../PublishStages.ts"
import type { SendBatch } from "./batch.ts"
import type { Entry } from "./entry.ts"
import type { Group } from "./group.ts"
import { Intake } from "./intake.ts"
import type { Lane } from "./lane.ts"
import { Pipeline, type PipelineOptions } from "./pipeline.ts"
import { Stopwatch } from "./stopwatch.ts"
import { TopicRegistry } from "./topicRegistry.ts"

export interface PublishSide {
  readonly pipeline: Pipeline
  readonly registry: TopicRegistry
  readonly intake: Intake
}

/** How long the end waits at least for fibers that have next to nothing left to do. */
const graceMillis = 1000

/**
 * Opens the publishing side of a bus in the current scope: the driver's producer, the pipeline and its fibers. When the
 * scope closes:
 *
 * 1. admission closes, who waits for room is refused;
 * 2. what is pending gets the drain budget, then the rest is settled;
 * 3. the pump ends, then the producer closes: the driver answers for what it still holds;
 * 4. the ack fibers take those answers, the reporter hands the last results over, the results end.
 */
export const open = Effect.fnUntraced(function*(
  options: PipelineOptions,
  strategy: Broker.EnsureStrategy
): Effect.fn.Return<PublishSide, BrokerError.BrokerError, Broker.Broker | Scope.Scope> {
  const broker = yield* Broker.Broker
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const recorder = yield* PublishStages
  const producerScope = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(producerScope, exit))
  const producer = yield* Scope.provide(broker.producer, producerScope)

  // Bounds that are never reached: every item holds a permit, or is one lane's single wake-up.
  const pumpQueue = yield* Queue.bounded<Entry | Group | Lane, Cause.Done>(2 * options.maxPending + 1024)
  const ackQueue = yield* Queue.bounded<SendBatch, Cause.Done>(options.maxPending + 1024)
  const reportQueue = yield* Queue.bounded<Entry, Cause.Done>(options.maxPending + 1024)
  const stopwatch = recorder === undefined ? undefined : new Stopwatch(recorder)
  const pipeline = new Pipeline({ options, clock, producer, pumpQueue, ackQueue, reportQueue, stopwatch })

  const fibers = yield* Scope.make()
  const supervised = (name: string, effect: Effect.Effect<void>) =>
    Effect.onExit(effect, (exit) =>
      Exit.isFailure(exit) && !Exit.hasInterrupts(exit)
        ? Effect.andThen(
          Effect.logFatal(
            `the ${name} of the publish pipeline died; what is pending is settled as unknown`,
            exit.cause
          ),
          pipeline.abandon
        )
        : Effect.void)
  const fork = (name: string, effect: Effect.Effect<void>) => Effect.forkIn(supervised(name, effect), fibers)

  const pump = yield* fork("pump", pipeline.pump)
  const pool = yield* Effect.all(
    Array.from({ length: options.ackFibers }, (_, i) => fork(`ack fiber ${i}`, pipeline.ackLoop))
  )
  const reporter = yield* fork("reporter", pipeline.settlements.reporter)
  yield* fork("timekeeper", pipeline.timekeeper)
  yield* fork("connection watch", pipeline.followConnection(broker.status))

  const end = (exit: Exit.Exit<unknown, unknown>) =>
    pipeline.drain.pipe(
      Effect.andThen(Queue.end(pumpQueue)),
      // A driver whose client takes nothing any more holds the pump in `send` until its producer closes.
      Effect.andThen(Effect.timeoutOption(Fiber.await(pump), graceMillis)),
      Effect.andThen(Scope.close(producerScope, exit)),
      Effect.andThen(Queue.end(ackQueue)),
      Effect.andThen(Fiber.awaitAll(pool)),
      Effect.andThen(Queue.end(reportQueue)),
      // A reader of `results` that has stopped reading must not hold up the end for ever.
      Effect.andThen(Effect.timeoutOption(Fiber.await(reporter), Math.max(options.drainTimeoutMillis, graceMillis))),
      Effect.andThen(pipeline.settlements.results.end),
      Effect.andThen(Scope.close(fibers, exit))
    )
  // In a fiber of its own: whoever closes the scope may have been interrupted (Ctrl-C), and in an interrupted fiber
  // everything that can be waited for with a limit ends at once.
  const runFork = Effect.runForkWith(context)
  yield* Effect.addFinalizer((exit) => Effect.suspend(() => Fiber.await(runFork(end(exit)))))

  const registry = new TopicRegistry({ broker, producer, strategy, context, batchSize: options.batchSize })
  const intake = new Intake(pipeline, registry)
  return { pipeline, registry, intake }
})
