/**
 * A member of a group as the SPI's consumer.
 */
import { Topic } from "@effect-eventbus/core"
import { Effect, Option, Queue, type Scope, Stream, SubscriptionRef } from "effect"
import * as NatsTopology from "../NatsTopology.ts"
import type { Admin } from "./admin.ts"
import type { Client } from "./client.ts"
import {
  type Assignment,
  BrokerError,
  type Consumer,
  type ConsumerOptions,
  type InboundRecord,
  type Revocation,
  Signal,
  SubscribeError
} from "./core.ts"
import * as Durable from "./durable.ts"
import { Membership } from "./membership.ts"
import { Reader } from "./reader.ts"
import { waitUntil } from "./wait.ts"

/** How long a member may take to finish what it handles of a partition that goes to another one. */
const handoverMillis = 5000

/** How long the end of a reader may take. */
const closeMillis = 2000

const closed = (reader: Reader): Effect.Effect<void> =>
  Effect.suspend(() => {
    let done = false
    reader.close(() => {
      done = true
    })
    return Effect.asVoid(waitUntil(() => done, closeMillis))
  })

class Member {
  readonly revoked: (reader: Reader) => void
  readonly client: Client
  readonly options: ConsumerOptions
  readonly durables: ReadonlyArray<Durable.Durable>
  readonly signal = new Signal()
  /** Notified where a reader waits for what others hold. */
  readonly waiting = new Signal()
  readers: ReadonlyArray<Reader> = []
  readonly #epochs: Array<number>
  error: SubscribeError.SubscribeError | undefined
  closed = false
  #turn = 0
  /** A turn's deliveries are told together. */
  #telling = false

  constructor(
    client: Client,
    options: ConsumerOptions,
    durables: ReadonlyArray<Durable.Durable>,
    revoked: (reader: Reader) => void
  ) {
    this.revoked = revoked
    this.#epochs = durables.map(() => 0)
    this.client = client
    this.options = options
    this.durables = durables
  }

  /**
   * Deliveries come many in a turn. Told one by one, each would be taken and handled by itself; so they are told when the
   * turn is over.
   */
  readonly #arrived = (): void => {
    if (this.#telling) return
    this.#telling = true
    queueMicrotask(() => {
      this.#telling = false
      this.signal.notify()
    })
  }

  /** Reads what it should and has not, and gives away what others should read. */
  rebalance(mine: (partition: number) => boolean): boolean {
    if (this.closed) return false
    let changed = false
    for (const durable of this.durables) {
      const reader = this.readers.find(({ place }) => place.partition === durable.partition)
      const wanted = mine(durable.partition)
      if (wanted && reader === undefined) {
        this.readers = [...this.readers, this.open(durable, true)]
        changed = true
      } else if (!wanted && reader !== undefined && !reader.leaving) {
        reader.leave()
        this.revoked(reader)
      }
    }
    return changed
  }

  /** Gives a partition away. */
  release(reader: Reader): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.readers.includes(reader)) return Effect.void
      this.readers = this.readers.filter((other) => other !== reader)
      this.signal.notify()
      return closed(reader)
    })
  }

  open(durable: Durable.Durable, takingOver: boolean): Reader {
    const epoch = (this.#epochs[durable.partition] ?? 0) + 1
    this.#epochs[durable.partition] = epoch
    const { priorityGroup } = durable
    const { ackWaitMillis, maxInFlight, maxInFlightBytes, topic } = this.options
    return new Reader(
      this.client,
      {
        topic: topic.name,
        stream: durable.stream,
        consumer: durable.name,
        partition: durable.partition,
        epoch,
        priorityGroup
      },
      {
        count: Durable.share(maxInFlight, durable.partitions),
        bytes: Math.max(1, Math.ceil(maxInFlightBytes / durable.partitions)),
        ackWaitMillis,
        serverAckWaitMillis: Durable.serverAckWait(ackWaitMillis)
      },
      {
        arrived: this.#arrived,
        waiting: () => this.waiting.notify(),
        failed: (message) => this.fail(message)
      },
      takingOver
    )
  }

  fail(message: string): void {
    this.error ??= Durable.toSubscribe(this.options, new BrokerError.BrokerFailure({ message, retryable: true }))
    this.signal.notify()
  }

  assignments(): ReadonlyArray<Assignment> {
    return this.readers.map(({ place: { epoch, partition } }) => ({ partition, epoch }))
      .toSorted((a, b) => a.partition - b.partition)
  }

  /** At most `max` records, partitions in turn. */
  take(max: number): Array<InboundRecord> {
    const { maxInFlight, maxInFlightBytes } = this.options
    const taken: Array<InboundRecord> = []
    const { readers } = this
    const now = Number(this.client.clock.monotonicTimeNanosUnsafe()) / 1e6
    let out = 0
    let outBytes = 0
    for (const { held, heldBytes } of readers) {
      out += held.size
      outBytes += heldBytes
    }
    let room = Math.min(max, maxInFlight - out)
    let idle = 0
    const quantum = Math.max(1, Math.floor(room / Math.max(1, readers.length)))
    while (room > 0 && idle < readers.length) {
      const reader = readers[this.#turn % readers.length]!
      let count = 0
      for (; count < quantum && room > 0; count++) {
        const next = reader.peek()
        if (next === undefined) break
        if (outBytes > 0 && outBytes + next.size > maxInFlightBytes) return taken
        reader.take(now)
        out++
        outBytes += next.size
        room--
        taken.push(next.record)
      }
      this.#turn++
      idle = count === 0 ? idle + 1 : 0
    }
    return taken
  }

  /** Each record of a reader that holds it. Under an older epoch nothing. */
  each(records: ReadonlyArray<InboundRecord>, use: (reader: Reader, mine: ReadonlyArray<InboundRecord>) => void): void {
    const shares: Array<{ readonly reader: Reader; readonly mine: Array<InboundRecord> } | undefined> = []
    for (const reader of this.readers) shares[reader.place.partition] = { reader, mine: [] }
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const share = shares[record.partition]
      if (share !== undefined && share.reader.place.epoch === record.epoch) share.mine.push(record)
    }
    for (const share of shares) if (share !== undefined && share.mine.length > 0) use(share.reader, share.mine)
  }

  settle(records: ReadonlyArray<InboundRecord>): void {
    this.each(records, (reader, mine) => reader.settle(mine))
    this.signal.notify()
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.closed = true
    this.signal.notify()
    return Effect.forEach(this.readers, closed, { concurrency: "unbounded", discard: true })
  })
}

const sweepMillis = 1000
const takeOverMillis = 20
/** How long a newcomer listens for the others. */
const listenMillis = 20

const waits = (reader: Reader): boolean => reader.takingOver && reader.reading && reader.inHand > 0

/** See `Reader`: asks whether somebody else still holds deliveries. */
const takeOver = (client: Client, topic: string, reader: Reader): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!waits(reader) || !client.connected) return Effect.void
    // Before the question: what comes in while it is on its way may be counted there, and must not be counted here.
    const mine = reader.inHand
    return Effect.matchCause(Durable.find(client, topic, reader.place.stream, reader.place.consumer), {
      onFailure: () => {},
      onSuccess: (found) => {
        if (found._tag === "Some" && found.value.num_ack_pending <= mine) reader.tookOver()
      }
    })
  })

export const makeConsumer = Effect.fnUntraced(function*(
  client: Client,
  admin: Admin,
  options: ConsumerOptions
): Effect.fn.Return<Consumer, SubscribeError.SubscribeError, Scope.Scope> {
  const topic = options.topic.name
  const fail = (reason: SubscribeError.Reason) =>
    new SubscribeError.SubscribeError({ topic, group: options.group, reason })
  const failed = ({ reason }: BrokerError.BrokerError) => Durable.toSubscribe(options, reason)
  const lost = () => fail(new SubscribeError.ConnectionLost({ message: client.reason || "the consumer is closed" }))
  if (!Topic.isGroup(options.group)) {
    return yield* fail(
      new SubscribeError.GroupConflict({
        group: String(options.group),
        message: "a group's name is [A-Za-z0-9_-]{1,100}"
      })
    )
  }

  const streamInfo = Effect.flatMap(Effect.mapError(admin.find(topic), failed), (found) =>
    Option.isSome(found)
      ? Effect.succeed(found.value)
      : Effect.fail(
        fail(new SubscribeError.TopicMissing({ topic, message: `no stream takes the subject "${topic}"` }))
      ))
  const found = yield* streamInfo
  const { partitions } = NatsTopology.info(topic, found.config, options.topic.partitions)
  const pinned = client.atLeast(2, 11)
  const durables = Durable.durables(topic, partitions, found.config.name, options.group, pinned)
  for (const durable of durables) yield* Durable.ensure(client, durable, options, found)

  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const assignment = yield* SubscriptionRef.make<ReadonlyArray<Assignment>>([])
  // A partition has one revocation at a time.
  const revocations = yield* Queue.bounded<Revocation>(durables.length + 1)
  const announce = (): void => {
    fork(SubscriptionRef.set(assignment, member.assignments()))
  }
  const member = new Member(client, options, durables, (reader) => {
    const { epoch, partition } = reader.place
    const released = Effect.andThen(
      member.release(reader),
      Effect.sync(() => {
        rebalance()
        announce()
      })
    )
    Queue.offerUnsafe(revocations, { partition, epoch, deadlineMillis: handoverMillis, released })
    // Whoever reads the revocations may be gone.
    fork(Effect.andThen(Effect.sleep(2 * handoverMillis), released))
  })
  const rebalance = (): void => {
    if (member.rebalance((partition) => membership === undefined || membership.mine(partition))) announce()
  }
  const membership = pinned
    ? yield* Effect.acquireRelease(
      Effect.sync(() => new Membership(client, found.config.name, options.group, rebalance)),
      (opened) => Effect.sync(() => opened.leave())
    )
    : undefined
  if (membership !== undefined) yield* Effect.andThen(client.flushed, Effect.sleep(listenMillis))
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      rebalance()
      const unlisten = client.listen({
        disconnected: () => {
          for (const reader of member.readers) reader.disconnected()
          if (client.closed) member.signal.notify()
        },
        connected: () => {
          for (const reader of member.readers) reader.connected()
        }
      })
      return Effect.andThen(Effect.sync(unlisten), member.close)
    }),
    (close) => close
  )
  yield* SubscriptionRef.set(assignment, member.assignments())
  yield* Effect.sleep(sweepMillis).pipe(
    Effect.andThen(Effect.sync(() => {
      for (const reader of member.readers) reader.sweep()
      membership?.sweep()
    })),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.sleep(Durable.serverAckWait(options.ackWaitMillis) / 3).pipe(
    Effect.andThen(Effect.sync(() => {
      for (const reader of member.readers) reader.renew()
    })),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.suspend(() => {
    const waiting = member.readers.filter(waits)
    return waiting.length === 0
      ? member.waiting.wait
      : Effect.andThen(
        Effect.forEach(waiting, (reader) => takeOver(client, topic, reader), { discard: true }),
        Effect.suspend(() => member.readers.some(waits) ? Effect.sleep(takeOverMillis) : Effect.void)
      )
  }).pipe(Effect.forever, Effect.forkScoped({ startImmediately: true }))

  const poll = (max: number): Effect.Effect<ReadonlyArray<InboundRecord>, SubscribeError.SubscribeError> =>
    Effect.suspend(() => {
      if (member.error !== undefined) return Effect.fail(member.error)
      if (member.closed || client.closed) return Effect.fail(lost())
      const records = member.take(Math.max(1, Math.floor(max)))
      return records.length > 0 ? Effect.succeed(records) : Effect.andThen(member.signal.wait, poll(max))
    })

  const flush: Effect.Effect<void, SubscribeError.SubscribeError> = Effect.forEach(
    member.readers,
    (reader) =>
      Effect.callback<void>((resume) => {
        const cancel = reader.acks.whenEmpty(() => resume(Effect.void))
        return Effect.sync(cancel)
      }),
    { discard: true }
  )

  const seek = Effect.fnUntraced(function*(position: ConsumerOptions["from"]) {
    if (member.closed || !client.connected) return yield* lost()
    const stream = yield* streamInfo
    const before = member.readers
    // Their pulls would swallow what comes from the new position.
    member.readers = []
    yield* Effect.forEach(before, closed, { concurrency: "unbounded", discard: true })
    const mine = before.flatMap(({ place }) => durables[place.partition] ?? [])
    yield* Effect.forEach(mine, (durable) => Durable.move(client, durable, options, stream, position), {
      discard: true
    }).pipe(
      Effect.ensuring(Effect.sync(() => {
        member.readers = mine.map((durable) => member.open(durable, true))
      }))
    )
    yield* SubscriptionRef.set(assignment, member.assignments())
  })

  return {
    poll,
    settle: (records) => Effect.sync(() => member.settle(records)),
    flush: Effect.suspend(() => member.closed ? Effect.fail(lost()) : flush),
    heartbeat: (records) => Effect.sync(() => member.each(records, (reader, mine) => reader.heartbeat(mine))),
    assignment,
    revocations: Stream.fromQueue(revocations),
    seek
  }
})
