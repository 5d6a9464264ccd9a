import { Cause, type Context, Effect, Exit, Fiber } from "effect"
import { Ack, isSettlement } from "../../Settlement.ts"
import { DeliveryImpl } from "./delivery.ts"
import type { AnyEnvelope, Dispatcher } from "./dispatcher.ts"
import type { Hands } from "./engine.ts"
import type { Held } from "./held.ts"

/** Runs the application's code for one delivery. */
export type Run<A, R> = (envelope: A, delivery: DeliveryImpl<A>) => Effect.Effect<unknown, unknown, R>

type Outcome = Exit.Exit<unknown, unknown> | void

/**
 * Why a worker was interrupted by the subscription: the handler ran too long, its partition is gone, or the
 * subscription ends. Nothing here means that somebody else did it.
 */
type Reason = "timeout" | "fenced" | "closing"

// Not public in Effect's types. Where it changes its name, children of a handler live until their worker ends.
interface WithChildren {
  readonly _children?: ReadonlySet<Fiber.Fiber<unknown, unknown>> | undefined
}

const noChildren: WithChildren = {}

const hasChildren = (fiber: object): fiber is WithChildren => "_children" in fiber

class Worker<A> {
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  children: WithChildren = noChildren
  current: Held<A> | undefined
  delivery: DeliveryImpl<A> | undefined
  startedAt = 0
  reason: Reason | undefined
  /** What the last handler left to do, before the next record is taken. */
  rest: Effect.Effect<void> | undefined
  /** Wakes the worker up; set while it has nothing to do. */
  resume: (() => void) | undefined
}

/**
 * Fibers that run handlers: started when there is more ready than the running ones can take, at most `concurrency`, and
 * kept. A handler runs in its worker's fiber, so a handler that completes at once costs neither a fiber nor a timer.
 *
 * What a fiber per message would give is kept:
 * - a handler that has to end (too slow, partition gone, subscription closing) is interrupted with its worker, and a new
 *   worker takes its place;
 * - fibers that a handler forked as children are interrupted when it ends.
 */
export class Workers<A extends AnyEnvelope, R> implements Hands<A> {
  readonly #dispatcher: Dispatcher<A>
  readonly #run: Run<A, R>
  readonly #fork: <X, E>(effect: Effect.Effect<X, E, R>) => Fiber.Fiber<X, E>
  readonly #group: string
  readonly #concurrency: number
  readonly #timeoutMillis: number | undefined
  readonly #timedOut: (millis: number) => unknown
  readonly #all = new Set<Worker<A>>()
  readonly #idle: Array<Worker<A>> = []

  constructor(fields: {
    readonly dispatcher: Dispatcher<A>
    readonly run: Run<A, R>
    readonly context: Context.Context<R>
    readonly group: string
    readonly concurrency: number
    /** The failure of a handler that took longer than the timeout. */
    readonly timedOut: (millis: number) => unknown
  }) {
    this.#dispatcher = fields.dispatcher
    this.#run = fields.run
    this.#fork = Effect.runForkWith(fields.context)
    this.#group = fields.group
    this.#concurrency = fields.concurrency
    this.#timeoutMillis = fields.dispatcher.policy.handlerTimeoutMillis
    this.#timedOut = fields.timedOut
    fields.dispatcher.onReady = () => this.#kick()
    fields.dispatcher.nextDeadline = () => this.#nextDeadline()
    fields.dispatcher.onDeadline = (now) => this.#onDeadline(now)
  }

  leave(): void {}
  stop(): void {}

  idle(): boolean {
    return this.#all.size === 0
  }

  /**
   * Starts as many workers as there is work for. A worker runs inline until its first handler suspends: where handlers
   * complete at once, one worker does everything.
   */
  #kick(): void {
    const { lanes } = this.#dispatcher
    while (lanes.ready > 0 && !this.#dispatcher.paused && !this.#dispatcher.closing) {
      const idle = this.#idle.pop()
      if (idle !== undefined) {
        const { resume } = idle
        idle.resume = undefined
        resume?.()
      } else if (this.#all.size < this.#concurrency) {
        this.#start()
      } else {
        return
      }
    }
  }

  #start(): void {
    const worker = new Worker<A>()
    this.#all.add(worker)
    const park = Effect.callback<void>((resume) => {
      worker.resume = () => resume(Effect.void)
      this.#idle.push(worker)
      // 1. it found nothing ready; 2. something became ready while it was being parked; 3. nobody else will look.
      if (this.#dispatcher.lanes.ready > 0) this.#kick()
      return Effect.sync(() => {
        const index = this.#idle.indexOf(worker)
        if (index >= 0) this.#idle.splice(index, 1)
      })
    })
    const loop: Effect.Effect<void, never, R> = Effect.whileLoop({
      while: () => true,
      body: () => this.#next(worker) ?? park,
      step: (outcome: Outcome) => this.#step(worker, outcome)
    })
    const fiber = this.#fork(Effect.withFiber((self) => {
      worker.fiber = self
      if (hasChildren(self)) worker.children = self
      return loop
    }))
    fiber.addObserver((exit) => this.#ended(worker, exit))
  }

  /** What the worker does next; `undefined` where there is nothing. */
  #next(worker: Worker<A>): Effect.Effect<Outcome, never, R> | undefined {
    const { rest } = worker
    if (rest !== undefined) {
      worker.rest = undefined
      return rest
    }
    const held = this.#dispatcher.take()
    if (held === undefined || held.envelope === undefined) return undefined
    const delivery = new DeliveryImpl(held, held.envelope, this.#group, undefined)
    worker.current = held
    worker.delivery = delivery
    if (this.#timeoutMillis !== undefined) {
      worker.startedAt = this.#dispatcher.now()
      this.#dispatcher.timekeeper.nudge(worker.startedAt + this.#timeoutMillis)
    }
    try {
      return Effect.exit(this.#run(held.envelope, delivery))
    } catch (defect) {
      return Effect.succeed(Exit.die(defect))
    }
  }

  #step(worker: Worker<A>, outcome: Outcome): void {
    if (outcome === undefined) return
    const { _children: children } = worker.children
    if (children !== undefined && children.size > 0) {
      worker.rest = Effect.andThen(
        Fiber.interruptAll(Array.from(children)),
        Effect.suspend(() => this.#settle(worker, outcome) ?? Effect.void)
      )
    } else {
      worker.rest = this.#settle(worker, outcome)
    }
  }

  /** Gives the record back. What cannot be done at once is returned. */
  #settle(worker: Worker<A>, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> | undefined {
    const { current: held, delivery } = worker
    if (held === undefined || delivery === undefined) return undefined
    worker.current = undefined
    worker.delivery = undefined
    const { decision } = delivery
    if (exit._tag === "Success" || decision !== undefined) {
      const value = exit._tag === "Success" ? exit.value : undefined
      const settlement = decision ?? (value !== undefined && isSettlement(value) ? value : Ack)
      if (settlement._tag === "Ack") {
        this.#dispatcher.succeeded(held)
        return undefined
      }
      return this.#dispatcher.apply(held, settlement)
    }
    return Cause.hasInterruptsOnly(exit.cause)
      ? this.#dispatcher.interrupted(held, exit.cause)
      : this.#dispatcher.failed(held, exit.cause)
  }

  /** A worker ends only when it is interrupted, by us or by code that its handler ran. */
  #ended(worker: Worker<A>, exit: Exit.Exit<unknown, unknown>): void {
    this.#all.delete(worker)
    const { current: held, reason } = worker
    if (held !== undefined) {
      worker.current = undefined
      if (reason === "closing" || reason === "fenced" || held.stale) {
        this.#dispatcher.abandon(held)
      } else if (reason === "timeout" && this.#timeoutMillis !== undefined) {
        this.#dispatcher.counters.timedOut++
        this.#finish(this.#dispatcher.failed(held, Cause.fail(this.#timedOut(this.#timeoutMillis))))
      } else if (worker.delivery?.decision !== undefined) {
        this.#finish(this.#dispatcher.apply(held, worker.delivery.decision))
      } else {
        const cause = exit._tag === "Failure" ? exit.cause : Cause.empty
        this.#finish(
          Cause.hasInterruptsOnly(cause)
            ? this.#dispatcher.interrupted(held, cause)
            : this.#dispatcher.failed(held, cause)
        )
      }
    } else if (worker.rest !== undefined) {
      this.#finish(worker.rest)
    }
    this.#dispatcher.conditions.check()
    this.#kick()
  }

  /** Gives a record back without a worker. */
  #finish(effect: Effect.Effect<void>): void {
    this.#fork(Effect.map(effect, () => this.#kick()))
  }

  // --- what has to end --------------------------------------------------------------------------------------------------

  #interrupt(worker: Worker<A>, reason: Reason): void {
    if (worker.reason !== undefined) return
    worker.reason = reason
    worker.fiber?.interruptUnsafe()
  }

  #nextDeadline(): number {
    if (this.#timeoutMillis === undefined) return Infinity
    let next = Infinity
    for (const worker of this.#all) {
      if (worker.current !== undefined && worker.reason === undefined && worker.startedAt < next) {
        next = worker.startedAt
      }
    }
    return next + this.#timeoutMillis
  }

  #onDeadline(now: number): void {
    const timeout = this.#timeoutMillis
    if (timeout === undefined) return
    for (const worker of this.#all) {
      if (worker.current !== undefined && worker.startedAt + timeout <= now) this.#interrupt(worker, "timeout")
    }
  }

  /** Ends the handlers of what `which` names. Does not wait for them. */
  fence(which: (held: Held<A>) => boolean): void {
    for (const worker of this.#all) {
      if (worker.current !== undefined && which(worker.current)) this.#interrupt(worker, "fenced")
    }
  }

  /** Ends all workers. Does not wait for them. */
  close(): void {
    for (const worker of this.#all) this.#interrupt(worker, "closing")
  }
}
