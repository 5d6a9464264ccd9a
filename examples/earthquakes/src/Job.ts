/**
 * The main job: a catalogue of earthquakes goes through the bus, two groups handle it, and what comes out is compared
 * with what went in.
 */
import * as EventBus from "@effect-eventbus/core/EventBus"
import { Clock, Console, Data, Duration, Effect, Fiber, Layer, Random, Runtime } from "effect"
import { CliError } from "effect/cli"
import path from "node:path"
import * as Catalogue from "./Catalogue.ts"
import { topicOf } from "./Earthquake.ts"
import { subscribe } from "./Groups.ts"
import { graceful } from "./Interrupt.ts"
import type { Options } from "./Options.ts"
import * as Progress from "./Progress.ts"
import { publish } from "./Publish.ts"
import * as Report from "./Report.ts"
import { Run } from "./Run.ts"
import { integer, styleOf } from "./Style.ts"
import { type Ending, summarise } from "./Summary.ts"

/** How many events the publisher may be ahead of the slowest group; the topic keeps twice as many. See `Run`. */
const lead = 2048
/** How long a stopped run may take to bring to an end what was published. */
const drainTimeout = Duration.millis(2500)
/** How long the end of the bus may take after that. */
const closeTimeout = Duration.millis(1000)
/** Without any progress for so long, a run is given up. The deadline of a publish is half of it. */
const stallTimeout = Duration.seconds(60)

/** What was handled is not what it should be. The report has said so. */
export class WrongResult extends Data.TaggedError("WrongResult") {
  override readonly [Runtime.errorReported] = false
}

/** The bus could not be opened, or the topic not be subscribed to. */
export class NoBus extends Data.TaggedError("NoBus")<{ readonly broker: string; readonly cause: Error }> {
  override get [CliError.userMessage](): string {
    return `cannot open a bus on "${this.broker}": ${this.cause.message}`
  }
}

/** Sixteen characters that sort by time, with no dash among them. */
const newRunId = Effect.gen(function*() {
  const now = yield* Clock.currentTimeMillis
  const random = yield* Random.nextIntBetween(0, 36 ** 7)
  return `${now.toString(36).padStart(9, "0")}${random.toString(36).padStart(7, "0")}`
})

const seconds = Duration.toSeconds(stallTimeout)

/** Completes when nothing has moved for a while. */
const stalled = (run: Run): Effect.Effect<Ending> =>
  Effect.gen(function*() {
    let seen = -1
    for (let moved = run.acked + run.handledByAll; moved !== seen; moved = run.acked + run.handledByAll) {
      seen = moved
      yield* Effect.sleep(stallTimeout)
    }
    return { _tag: "Failed", problem: `nothing moved for ${seconds} s` }
  })

/** Publishes and handles everything, or as much as there is time for, and reports it. */
const session = Effect.fnUntraced(function*(options: Options, catalogue: Catalogue.Catalogue, runId: string) {
  const { json, repeat } = options
  const topic = topicOf(runId, options.broker.retainsByCount ? { retention: 2 * lead } : {})
  const total = catalogue.quakes.length * repeat
  const run = new Run({ groups: 2, lead, places: catalogue.quakes.length })
  const groups = yield* subscribe(topic, run, catalogue.quakes.length - catalogue.copies.size)

  const everything = publish({ runId, run, topic, catalogue, repeat }).pipe(
    Effect.andThen(Effect.sync(() => run.finish())),
    Effect.andThen(run.over)
  )
  return yield* graceful((stop) =>
    Effect.gen(function*() {
      const work = yield* Effect.forkChild(everything)
      const ending = yield* Progress.during(
        run,
        total,
        Effect.raceAllFirst([
          Effect.as(Fiber.join(work), { _tag: "Complete" } as const),
          Effect.as(stop, { _tag: "Interrupted" } as const),
          groups.stopped,
          stalled(run)
        ]).pipe(Effect.tap((end) => {
          if (end._tag !== "Interrupted") return Effect.void
          run.stop()
          return Effect.timeoutOption(Fiber.join(work), drainTimeout)
        }))
      )
      yield* Fiber.interrupt(work)
      const summary = yield* summarise({ run, catalogue, repeat, groups, ending })
      yield* Console.log(json ? Report.json(summary) : Report.page(summary, styleOf(process.stdout)))
      return summary
    })
  )
})

const reportRejections = (catalogue: Catalogue.Catalogue) =>
  Effect.forEach(
    catalogue.rejections,
    ({ line, problems }) => Console.error(`line ${line} rejected: ${problems.join("; ")}`),
    { discard: true }
  )

const shown = (file: string): string => {
  const relative = path.relative(".", file)
  return relative.startsWith("..") ? file : relative
}

const title = (options: Options, catalogue: Catalogue.Catalogue, runId: string) => {
  const style = styleOf(process.stdout)
  const times = options.repeat === 1 ? "" : `, ${integer(options.repeat)} times over`
  const networks = new Set(catalogue.quakes.map(({ network }) => network)).size
  return Console.log([
    "",
    style.bold(`${integer(catalogue.quakes.length)} earthquakes of ${networks} seismic networks${times}`),
    style.dim(`  from ${shown(options.input)}`),
    style.dim(`  through topic earthquakes.run-${runId} on ${options.broker.url}`),
    ""
  ].join("\n"))
}

export const job = Effect.fnUntraced(function*(options: Options) {
  const catalogue = yield* Catalogue.read(options.input)
  yield* reportRejections(catalogue)
  const runId = yield* newRunId
  if (!options.json) yield* title(options, catalogue, runId)
  const bus = EventBus.layer({
    deliveryTimeout: Duration.divideUnsafe(stallTimeout, 2),
    drainTimeout: closeTimeout
  }).pipe(Layer.provide(options.broker.layer))
  const summary = yield* Effect.scoped(session(options, catalogue, runId)).pipe(
    Effect.provide(bus),
    Effect.mapError((cause) => new NoBus({ broker: options.broker.url, cause }))
  )
  if (summary.problems.length === 0) return
  if (options.json) yield* Console.error(summary.problems.join("\n"))
  return yield* new WrongResult()
})
