/**
 * How many fibers and timers something takes.
 *
 * Fibers by the hook of Effect's own runtime metrics, which every fiber calls that inherits it; timers by Node's
 * `async_hooks`, which see each `setTimeout`, `setInterval` and `setImmediate` of the process, whoever makes it.
 */
import { Effect, Metric } from "effect"
import { createHook } from "node:async_hooks"

export interface Counted {
  /** Fibers that were started. */
  readonly fibers: number
  /** `setTimeout` and `setInterval`. */
  readonly timers: number
  /** `setImmediate`: turns of the scheduler, each of which runs many fibers' steps. */
  readonly turns: number
  readonly promises: number
}

/** What is there at one moment. */
export interface Alive {
  readonly fibers: number
  /** What keeps Node going, by kind: timers, sockets, ... */
  readonly resources: ReadonlyArray<string>
}

export class Counter {
  #started = 0
  #ended = 0

  /** Counts the fibers of `effect`, and all that they start. */
  readonly watch = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Metric.FiberRuntimeMetrics, {
      recordFiberStart: () => {
        this.#started++
      },
      recordFiberEnd: () => {
        this.#ended++
      }
    })

  get alive(): Alive {
    return { fibers: this.#started - this.#ended, resources: process.getActiveResourcesInfo().toSorted() }
  }

  /** What `effect`, which is being watched, takes while it runs. */
  during<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, Counted], E, R> {
    return Effect.suspend(() => {
      const started = this.#started
      let timers = 0
      let turns = 0
      let promises = 0
      const hook = createHook({
        init: (_, type) => {
          if (type === "Timeout") timers++
          else if (type === "Immediate") turns++
          else if (type === "PROMISE") promises++
        }
      }).enable()
      return effect.pipe(
        Effect.ensuring(Effect.sync(() => hook.disable())),
        Effect.map((value) => [value, { fibers: this.#started - started, timers, turns, promises }] as const)
      )
    })
  }
}
