/**
 * One client's connection to a cluster: its clock, its timers, its status, and what it has open.
 */
import { Clock, Context, Effect, PubSub, Scheduler, type SubscriptionRef, Tracer } from "effect"
import type { Status } from "../../Broker.ts"
import type { ClusterState } from "./cluster.ts"
import type { ConnectionListener, Disconnection, Injector } from "./injector.ts"
import { Timekeeper, type Timer } from "./timekeeper.ts"
import { Waiters } from "./waiters.ts"

/** What a connection opens: it hears of the connection's state on the stack of whoever changes it. */
export interface Attached {
  disconnected(disconnection: Disconnection): void
  reconnected(): void
  close(): void
}

export interface ConnectionOptions {
  readonly ackTimeoutMillis: number
  readonly handoverTimeoutMillis: number
  readonly injector: Injector | undefined
}

export class Connection implements ConnectionListener {
  readonly cluster: ClusterState
  readonly options: ConnectionOptions
  readonly clock: Clock.Clock
  readonly timers: Timekeeper
  readonly status: SubscriptionRef.SubscriptionRef<Status>
  connected = true
  closed = false
  /** Why it is not connected. */
  reason = ""
  lastAckAt: number | undefined = undefined

  private readonly dispatcher: Scheduler.SchedulerDispatcher
  private readonly attached = new Set<Attached>()
  private readonly back: Waiters
  private readonly unlisten: (() => void) | undefined
  private comesBack: Timer | undefined = undefined

  constructor(
    cluster: ClusterState,
    options: ConnectionOptions,
    context: Context.Context<never>,
    status: SubscriptionRef.SubscriptionRef<Status>
  ) {
    this.cluster = cluster
    this.options = options
    this.status = status
    this.clock = Context.get(context, Clock.Clock)
    this.dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
    // Timers must not become children of the span in which the layer was built.
    const fork = Effect.runForkWith(Context.omit(Tracer.ParentSpan)(context))
    this.timers = new Timekeeper(this.clock, (effect) => fork(effect))
    this.back = new Waiters(this.schedule)
    this.unlisten = options.injector?.listen(this)
    const disconnection = options.injector?.disconnection
    if (disconnection !== undefined) this.disconnected(disconnection)
  }

  /** Wall clock time in milliseconds. */
  wall(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  /** Runs a task in one of the scheduler's next turns, never on the caller's stack. */
  readonly schedule = (task: () => void): void => {
    this.dispatcher.scheduleTask(task, 0)
  }

  attach(part: Attached): void {
    this.attached.add(part)
  }

  detach(part: Attached): void {
    this.attached.delete(part)
  }

  disconnected(disconnection: Disconnection): void {
    if (this.closed || !this.connected) return
    this.connected = false
    this.reason = disconnection.reason
    this.setStatus({ _tag: "Disconnected", since: this.wall(), reason: disconnection.reason })
    for (const part of this.attached) part.disconnected(disconnection)
    const { injector } = this.options
    if (disconnection.millis !== undefined && injector !== undefined) {
      this.comesBack = this.timers.after(disconnection.millis, () => injector.reconnect())
    }
  }

  reconnected(): void {
    if (this.closed || this.connected) return
    if (this.comesBack !== undefined) this.timers.cancel(this.comesBack)
    this.comesBack = undefined
    this.connected = true
    this.setStatus({ _tag: "Connected" })
    for (const part of this.attached) part.reconnected()
    this.back.wake()
  }

  /** Completes when there is a connection, or never will be again. */
  readonly awaitConnected: Effect.Effect<void> = Effect.suspend(() =>
    this.usable() ? Effect.void : Effect.andThen(this.back.wait(this.usable), this.awaitConnected)
  )

  close(): void {
    if (this.closed) return
    this.closed = true
    this.connected = false
    this.reason = "the connection is closed"
    this.unlisten?.()
    for (const part of this.attached) part.close()
    this.timers.close()
    this.setStatus({ _tag: "Closed" })
    this.back.wake()
  }

  private readonly usable = (): boolean => this.connected || this.closed

  /** The value changes now; subscribers, which would run on this stack, hear of it in the next turn. */
  private setStatus(status: Status): void {
    publishLater(this.status, status, this.schedule)
  }
}

/**
 * Changes a reference now and tells its subscribers in one of the next turns: publishing resumes them on the publisher's
 * stack, where the state they would read may still be in the middle of a change. Scheduled tasks keep their order, so that
 * subscribers see every value, in order.
 */
export const publishLater = <A>(
  ref: SubscriptionRef.SubscriptionRef<A>,
  value: A,
  schedule: (task: () => void) => void
): void => {
  ref.value = value
  schedule(() => PubSub.publishUnsafe(ref.pubsub, value))
}
