/**
 * The client's own stream of messages, with fetches as large as ours, committed at the end of each tenth.
 */
import { clientSoftwareVersion, Consumer } from "@platformatic/kafka"
import { Effect } from "effect"
import { startStopwatch } from "../../stopwatch.ts"
import { attempt } from "../baseline.ts"
import type { Consuming } from "../consuming.ts"

let groups = 0

/** As the bus asks for by default. */
const maxBytes = 4 * 1024 * 1024
const maxBytesPerPartition = 1024 * 1024

export const consume = (bootstrap: ReadonlyArray<string>): Consuming => {
  const name = "raw Kafka: platformatic stream, positions committed"
  return {
    name,
    client: `@platformatic/kafka ${clientSoftwareVersion}`,
    // A member of a group for each run: who joins with it, and when, is a part of consuming.
    open: Effect.succeed({
      run: ({ messages, partitions, topic }, handle) =>
        attempt(name, async () => {
          const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
            clientId: "bench-raw",
            bootstrapBrokers: [...bootstrap],
            groupId: `bench-raw-${process.pid}-${++groups}`,
            autocommit: false,
            maxBytes,
            maxBytesPerPartition,
            highWaterMark: 4096
          })
          try {
            const elapsed = startStopwatch()
            const stream = await consumer.consume({ topics: [topic], mode: "earliest" })
            const positions = new Map<number, bigint>()
            const commit = () =>
              consumer.commit({
                offsets: [...positions].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }))
              })
            const step = Math.ceil(messages / 10)
            const time = await new Promise<ReturnType<typeof elapsed>>((resolve, reject) => {
              let count = 0
              stream.on("error", reject)
              stream.on("data", ({ offset, partition, value }) => {
                try {
                  handle(value)
                } catch (error) {
                  return reject(error)
                }
                positions.set(partition, offset + 1n)
                count++
                if (count % step === 0) commit().catch(reject)
                if (count === messages) resolve(elapsed())
              })
            })
            await commit()
            const committed = [...positions.values()].reduce((sum, offset) => sum + Number(offset), 0)
            if (committed !== messages || positions.size > partitions) {
              throw new Error(`${committed} of ${messages} committed`)
            }
            return time
          } finally {
            await consumer.close(true)
          }
        })
    })
  }
}
