/**
 * What a broker holds, as a client sees it that had nothing to do with publishing or handling it.
 */
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as NatsSubject from "@effect-eventbus/nats/NatsSubject"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { Admin, Consumer, ListOffsetTimestamps } from "@platformatic/kafka"
import { Context, Data, Effect, Layer } from "effect"

export class StoreFailed extends Data.TaggedError("StoreFailed")<{ readonly cause: unknown }> {
  override get message(): string {
    return `the broker could not be read back: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

type Take = (body: Uint8Array) => void

export class Store extends Context.Service<Store, {
  /** Every record of the topics, in the order of each partition. Ends early where what is said to be there does not come. */
  readonly read: (topics: ReadonlyArray<string>, partitions: number, take: Take) => Effect.Effect<void, StoreFailed>
  /** Forgets topics, so that a long run does not fill the disk. */
  readonly remove: (topics: ReadonlyArray<string>) => Effect.Effect<void, StoreFailed>
}>()("@effect-eventbus/bench/Store") {}

const attempt = <A>(promise: () => Promise<A>): Effect.Effect<A, StoreFailed> =>
  Effect.tryPromise({ try: promise, catch: (cause) => new StoreFailed({ cause }) })

/** How long nothing may come before what is missing counts as lost. */
const patienceMillis = 30_000

/** Calls `stalled` when `beat` has not been called for that long. */
const watch = (stalled: () => void): { readonly beat: () => void; readonly end: () => void } => {
  const timer = setTimeout(stalled, patienceMillis)
  return { beat: () => timer.refresh(), end: () => clearTimeout(timer) }
}

export const memory: Layer.Layer<Store, never, MemoryBroker.MemoryBroker> = Layer.effect(
  Store,
  Effect.gen(function*() {
    const broker = yield* MemoryBroker.MemoryBroker
    return Store.of({
      read: (topics, _, take) =>
        Effect.forEach(topics, (topic) =>
          Effect.map(broker.records(topic), (records) => {
            for (const { body } of records) take(body)
          }), { discard: true }).pipe(Effect.mapError((cause) => new StoreFailed({ cause }))),
      // It goes with its layer.
      remove: () => Effect.void
    })
  })
)

const withNats = <A>(servers: ReadonlyArray<string>, use: (connection: NatsConnection) => Promise<A>) =>
  attempt(async () => {
    const connection = await connect({ servers: [...servers], maxReconnectAttempts: 0 })
    try {
      return await use(connection)
    } finally {
      await connection.close()
    }
  })

const readStream = async (connection: NatsConnection, stream: string, take: Take): Promise<void> => {
  const manager = await jetstreamManager(connection)
  const { state: { messages } } = await manager.streams.info(stream)
  if (messages === 0) return
  const consumer = await jetstream(connection).consumers.get(stream)
  await new Promise<void>((resolve, reject) => {
    let read = 0
    const watched = watch(resolve)
    consumer.consume({
      max_messages: 5000,
      callback: ({ data }) => {
        take(data)
        watched.beat()
        if (++read < messages) return
        watched.end()
        resolve()
      }
    }).catch((error: unknown) => {
      watched.end()
      reject(error)
    })
  })
}

export const nats = (servers: ReadonlyArray<string>): Layer.Layer<Store> =>
  Layer.succeed(Store, {
    read: (topics, _, take) =>
      withNats(servers, async (connection) => {
        await Promise.all(topics.map((topic) => readStream(connection, NatsSubject.stream(topic), take)))
      }),
    remove: (topics) =>
      withNats(servers, async (connection) => {
        const manager = await jetstreamManager(connection)
        await Promise.all(topics.map((topic) => manager.streams.delete(NatsSubject.stream(topic))))
      })
  })

let readers = 0

const withAdmin = async <A>(servers: ReadonlyArray<string>, use: (admin: Admin) => Promise<A>): Promise<A> => {
  const admin = new Admin({ clientId: "bench-reader", bootstrapBrokers: [...servers] })
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

const countOf = (servers: ReadonlyArray<string>, topics: ReadonlyArray<string>, partitions: number): Promise<number> =>
  withAdmin(servers, async (admin) => {
    const wanted = Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: ListOffsetTimestamps.LATEST
    }))
    const listed = await admin.listOffsets({ topics: topics.map((name) => ({ name, partitions: wanted })) })
    return listed.reduce((sum, topic) => sum + topic.partitions.reduce((all, { offset }) => all + Number(offset), 0), 0)
  })

const readTopics = async (
  servers: ReadonlyArray<string>,
  topics: ReadonlyArray<string>,
  partitions: number,
  take: Take
): Promise<void> => {
  const total = await countOf(servers, topics, partitions)
  const consumer = new Consumer({
    clientId: "bench-reader",
    bootstrapBrokers: [...servers],
    groupId: `bench-reader-${process.pid}-${++readers}`,
    autocommit: false,
    maxBytes: 4 * 1024 * 1024
  })
  const stream = await consumer.consume({ topics: [...topics], mode: "earliest" })
  // Ends the loop below.
  const watched = watch(() => void stream.close())
  try {
    let read = 0
    if (total > 0) {
      for await (const { value } of stream) {
        take(value)
        watched.beat()
        if (++read >= total) break
      }
    }
  } finally {
    watched.end()
    await consumer.close(true)
  }
}

export const kafka = (servers: ReadonlyArray<string>): Layer.Layer<Store> =>
  Layer.succeed(Store, {
    read: (topics, partitions, take) => attempt(() => readTopics(servers, topics, partitions, take)),
    remove: (topics) => attempt(() => withAdmin(servers, (admin) => admin.deleteTopics({ topics: [...topics] })))
  })
