/**
 * The revocations that a member has not heard of yet, as a stream. One that was called off before it was read is not
 * delivered, one whose time is up is, with no time left. A later one of the same partition takes its place: at most one
 * per partition waits, so that nothing has to be bounded or dropped.
 */
import { Cause, Effect, Stream } from "effect"
import type { Revocation } from "../../Broker.ts"
import type { Handover } from "./group.ts"
import { Waiters } from "./waiters.ts"

export class Revocations {
  private readonly pending = new Map<Handover, Revocation>()
  private readonly arrivals: Waiters
  private readonly connected: () => boolean
  private ended = false

  constructor(schedule: (task: () => void) => void, connected: () => boolean) {
    this.arrivals = new Waiters(schedule)
    this.connected = connected
  }

  add(handover: Handover, revocation: Omit<Revocation, "released">, release: () => void): void {
    for (const other of this.pending.keys()) if (other.share === handover.share) this.pending.delete(other)
    this.pending.set(handover, { ...revocation, released: Effect.sync(release) })
    this.arrivals.wake()
  }

  remove(handover: Handover): void {
    this.pending.delete(handover)
  }

  /** Its partition is in other hands by now. */
  overdue(handover: Handover): void {
    const revocation = this.pending.get(handover)
    if (revocation !== undefined) this.pending.set(handover, { ...revocation, deadlineMillis: 0 })
  }

  end(): void {
    this.ended = true
    this.pending.clear()
    this.arrivals.wake()
  }

  /** The connection is back: what happened meanwhile can be told. */
  wake(): void {
    this.arrivals.wake()
  }

  private readonly ready = (): boolean => this.ended || (this.pending.size > 0 && this.connected())

  private readonly pull: Effect.Effect<readonly [Revocation, ...Array<Revocation>], Cause.Done> = Effect.suspend(() => {
    if (!this.ready()) return Effect.andThen(this.arrivals.wait(this.ready), this.pull)
    const [first, ...rest] = this.pending.values()
    this.pending.clear()
    return first === undefined ? Cause.done() : Effect.succeed([first, ...rest] as const)
  })

  readonly stream: Stream.Stream<Revocation> = Stream.fromPull(Effect.succeed(this.pull))
}
