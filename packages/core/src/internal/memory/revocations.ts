/**
 * The revocations that a member has not heard of yet, as a stream. One that was called off before it was read is not
 * delivered, one whose time is up is, with no time left; one that is heard of late has only what is left of its time,
 * because the partition is given away at the same moment all the same. A later one of the same partition takes its place:
 * at most one per partition waits, so that nothing has to be bounded or dropped.
 */
import { Cause, Effect, Stream } from "effect"
import type { Revocation } from "../../Broker.ts"
import type { Handover } from "./group.ts"
import { Waiters } from "./waiters.ts"

interface Pending {
  readonly revocation: Omit<Revocation, "deadlineMillis">
  /** By `now`. */
  readonly deadline: number
}

export class Revocations {
  private readonly pending = new Map<Handover, Pending>()
  private readonly now: () => number
  private readonly arrivals: Waiters
  private readonly connected: () => boolean
  private ended = false

  constructor(schedule: (task: () => void) => void, now: () => number, connected: () => boolean) {
    this.arrivals = new Waiters(schedule)
    this.now = now
    this.connected = connected
  }

  add(handover: Handover, revocation: Omit<Revocation, "released">, release: () => void): void {
    for (const other of this.pending.keys()) if (other.share === handover.share) this.pending.delete(other)
    const { deadlineMillis, ...rest } = revocation
    this.pending.set(handover, {
      revocation: { ...rest, released: Effect.sync(release) },
      deadline: this.now() + deadlineMillis
    })
    this.arrivals.wake()
  }

  remove(handover: Handover): void {
    this.pending.delete(handover)
  }

  /** Its partition is in other hands by now. */
  overdue(handover: Handover): void {
    const known = this.pending.get(handover)
    if (known !== undefined) this.pending.set(handover, { ...known, deadline: -Infinity })
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
    const now = this.now()
    const [first, ...rest] = Array.from(this.pending.values(), ({ deadline, revocation }): Revocation => ({
      ...revocation,
      deadlineMillis: Math.max(0, deadline - now)
    }))
    this.pending.clear()
    return first === undefined ? Cause.done() : Effect.succeed([first, ...rest] as const)
  })

  readonly stream: Stream.Stream<Revocation> = Stream.fromPull(Effect.succeed(this.pull))
}
