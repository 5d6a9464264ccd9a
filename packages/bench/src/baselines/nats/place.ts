/**
 * Where raw clients publish: a stream of their own for each round, with the configuration that the driver gives a topic
 * (one subject, file storage, duplicates recognised for two minutes), read back by a connection that has published
 * nothing.
 */
import * as Topic from "@effect-eventbus/core/Topic"
import * as NatsTopology from "@effect-eventbus/nats/NatsTopology"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type ConnectionOptions, type NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import type { Latency } from "../../latency.ts"
import type { Sample } from "../../rounds.ts"
import { type Elapsed } from "../../stopwatch.ts"
import { OrderPlaced } from "../../workload/orders.ts"
import { Stored } from "../../workload/stored.ts"
import { attempt, type Baseline } from "../baseline.ts"
import { prepare, type Prepared } from "../prepared.ts"

export type Servers = ReadonlyArray<string>

/** One round's stream, and the connection that publishes to it. */
export interface Place {
  readonly connection: NatsConnection
  readonly subject: string
}

export interface Published extends Elapsed {
  readonly acked: number
  readonly publishToAck?: Latency | undefined
}

export const dial = (servers: Servers, options: ConnectionOptions = {}): Promise<NatsConnection> =>
  connect({ servers: [...servers], maxReconnectAttempts: 0, ...options })

/** The stream that the driver would make for a topic of this name. */
export const streamOf = (name: string) =>
  NatsTopology.settings(Topic.make(name, { events: [OrderPlaced] }), { atomic: true, batched: true })

/** Reads everything that a stream holds, with a connection of its own. */
export const readBack = async (servers: Servers, stream: string): Promise<Stored> => {
  const connection = await dial(servers)
  try {
    const stored = new Stored()
    const manager = await jetstreamManager(connection)
    const { state: { messages } } = await manager.streams.info(stream)
    if (messages === 0) return stored
    const consumer = await jetstream(connection).consumers.get(stream)
    const decoder = new TextDecoder()
    await new Promise<void>((resolve, reject) => {
      const callback = ({ data }: { readonly data: Uint8Array }): void => {
        try {
          stored.add(decoder.decode(data))
        } catch (error) {
          reject(error)
        }
        if (stored.count === messages) resolve()
      }
      // What stays out for so long does not come: without it the reader would wait for ever.
      const timer = setTimeout(() => reject(new Error(`${stored.count} of ${messages} could be read back`)), 60_000)
      timer.unref()
      consumer.consume({ callback, max_messages: 5000 }).catch(reject)
    })
    return stored
  } finally {
    await connection.close()
  }
}

export const dropStream = async (servers: Servers, stream: string): Promise<void> => {
  const connection = await dial(servers)
  try {
    await (await jetstreamManager(connection)).streams.delete(stream)
  } finally {
    await connection.close()
  }
}

/** Streams of one process have different names, and so have those of two. */
let streams = 0
const nextName = (): string => `bench.raw.p${process.pid}n${++streams}s`

export interface Way {
  readonly name: string
  readonly client: string
  readonly share?: number | undefined
  readonly connection?: ConnectionOptions
  /** Whether it keeps the order of an aggregate where nothing goes wrong. Default true. */
  readonly ordered?: boolean
  /** Publishes all of them. The clock is its own: what it makes before, it may make before the clock starts. */
  readonly publish: (place: Place, records: ReadonlyArray<Prepared>) => Promise<Published>
}

/** A way of publishing as a baseline. */
export const baseline = (
  servers: Servers,
  { client, connection: options, name, ordered = true, publish, share }: Way
): Baseline => ({
  name,
  client,
  ...(share === undefined ? undefined : { share }),
  open: Effect.map(
    Effect.acquireRelease(
      attempt(name, () => dial(servers, options)),
      (connection) => Effect.promise(() => connection.close())
    ),
    (connection) => ({
      run: (messages: number) =>
        attempt(name, async (): Promise<Sample> => {
          const topic = nextName()
          const settings = streamOf(topic)
          const manager = await jetstreamManager(connection)
          await manager.streams.add({ ...settings, subjects: [...settings.subjects] })
          try {
            const { acked, cpuMillis, millis, publishToAck } = await publish(
              { connection, subject: topic },
              prepare(messages, 1)
            )
            const stored = await readBack(servers, settings.name)
            const problems = stored.problems(messages, acked, { ordered })
            if (problems.length > 0) throw new Error(problems.join(", "))
            return {
              messages,
              millis,
              cpuMillis,
              counts: stored.counts({ acked, failed: 0, unknown: 0 }),
              publishToAck
            }
          } finally {
            await manager.streams.delete(settings.name)
          }
        })
    })
  )
})

export const clientVersion = "@nats-io/jetstream 3.4.0"
