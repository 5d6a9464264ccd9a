import { Effect, type Pull } from "effect"
import type { Settlement } from "../../Settlement.ts"
import * as SubscribeError from "../../SubscribeError.ts"
import { Chain } from "../chain.ts"
import { Signal } from "../signal.ts"
import { DeliveryImpl, Out } from "./delivery.ts"
import type { AnyEnvelope } from "./dispatcher.ts"
import type { Engine, Hands } from "./engine.ts"
import type { Held } from "./held.ts"

/** Deliveries handed out with one pull. */
const maxChunk = 64

/** How many times longer it takes where somebody has looked into the deliveries. */
const touchedFactor = 12

/**
 * Hands deliveries to a stream: the heads of all ready lanes, so at most one unsettled delivery of each aggregate is out.
 */
export class Handout<A extends AnyEnvelope> implements Hands<A> {
  readonly #engine: Engine<A>
  readonly #stallMillis: number
  /** Wakes the pull. */
  readonly #ready = new Signal()
  readonly #out = new Chain<Out<A>>()
  /** A pull waits. */
  #waiting = false
  /** Settlements so far. */
  #settled = 0
  #stalled: SubscribeError.SubscribeError | undefined

  constructor(engine: Engine<A>, stallMillis: number) {
    this.#engine = engine
    this.#stallMillis = stallMillis
    engine.dispatcher.onReady = () => this.#ready.notify()
    if (Number.isFinite(stallMillis)) engine.runBackground(this.#watch)
  }

  stop(): void {
    this.#ready.notify()
  }

  fence(): void {}
  close(): void {}
  idle(): boolean {
    return true
  }

  /** The stream has ended: nobody will settle what is out. */
  leave(): void {
    for (const out of this.#out) {
      this.#forget(out)
      this.#engine.dispatcher.abandon(out.held)
    }
  }

  readonly #settle = (held: Held<A>, settlement: Settlement): Effect.Effect<void> => {
    const { out } = held
    if (out === undefined) return Effect.void
    this.#forget(out)
    this.#settled++
    return Effect.map(this.#engine.dispatcher.apply(held, settlement), () => {
      if (this.#engine.dispatcher.lanes.ready > 0) this.#ready.notify()
    })
  }

  readonly pull: Pull.Pull<readonly [DeliveryImpl<A>, ...Array<DeliveryImpl<A>>], SubscribeError.SubscribeError> =
    Effect
      .suspend(() => {
        this.#waiting = false
        const error = this.#engine.error ?? this.#stalled
        if (error !== undefined) return Effect.fail(error)
        const first = this.#next()
        if (first === undefined) {
          this.#waiting = true
          return Effect.flatMap(this.#ready.wait, () => this.pull)
        }
        const chunk: [DeliveryImpl<A>, ...Array<DeliveryImpl<A>>] = [first]
        while (chunk.length < maxChunk) {
          const delivery = this.#next()
          if (delivery === undefined) break
          chunk.push(delivery)
        }
        return Effect.succeed(chunk)
      })

  #next(): DeliveryImpl<A> | undefined {
    const held = this.#engine.dispatcher.take()
    if (held === undefined || held.envelope === undefined) return undefined
    const delivery = new DeliveryImpl(held, held.envelope, this.#engine.group, this.#settle)
    held.out = new Out(held, delivery)
    this.#out.add(held.out)
    return delivery
  }

  #forget(out: Out<A>): void {
    this.#out.delete(out)
    out.held.out = undefined
  }

  // --- waiting, and waiting in vain -------------------------------------------------------------------------------------

  /** Only settlements can bring this on: everything that could be handed out is, and no more can be taken in. */
  #stuck(): "no" | "window" | "aggregates" {
    const { lanes, sources } = this.#engine.dispatcher
    if (this.#engine.dispatcher.paused || this.#out.size === 0) return "no"
    if (lanes.ready > 0 || lanes.sleeping > 0 || lanes.running > this.#out.size) return "no"
    if (sources.some((source) => source.full)) return "window"
    return sources.reduce((sum, source) => sum + source.inFlight, 0) > this.#out.size ? "aggregates" : "no"
  }

  #untouched(): boolean {
    for (const { delivery } of this.#out) if (delivery.touched) return false
    return true
  }

  /**
   * Fails a pull that waits for something that only the one who pulls can do. Nobody can know whether another fiber will
   * settle in a moment, so it takes time to conclude it: `stallTimeout` where nobody has looked into any of the deliveries
   * (they are being collected), and much longer without any settlement where somebody has, and the window is full.
   */
  readonly #watch: Effect.Effect<void> = Effect.suspend(() => {
    const step = Math.max(1, this.#stallMillis / 2)
    let settled = this.#settled
    // Looks in a row that found it stuck; two of them are `step` apart.
    let looks = 0
    const look = Effect.sync(() => {
      const stuck = this.#waiting ? this.#stuck() : "no"
      looks = stuck === "no" || settled !== this.#settled ? 0 : looks + 1
      settled = this.#settled
      const stalled = looks > 2 && this.#untouched() || looks > 2 * touchedFactor && stuck === "window"
      if (!stalled) return
      this.#stalled = this.#describe(stuck)
      this.#ready.notify()
    })
    return Effect.forever(Effect.andThen(Effect.sleep(step), look))
  })

  #describe(stuck: "no" | "window" | "aggregates"): SubscribeError.SubscribeError {
    return new SubscribeError.SubscribeError({
      topic: this.#engine.topic,
      group: this.#engine.group,
      reason: new SubscribeError.BrokerFailure({
        retryable: false,
        message: `the stream asks for more than it may hold unsettled: ${this.#out.size} deliveries are out, and `
          + (stuck === "window"
            ? "they fill the window. Settle some first, ask for smaller groups, or raise maxInFlight"
            : "the others belong to the same aggregates, which have one unsettled delivery at a time. "
              + "Settle some first, or ask for smaller groups")
      })
    })
  }
}
