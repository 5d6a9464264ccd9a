/**
 * A durable pull consumer with a callback and an explicit acknowledgement for each message: the fastest way that the
 * client has to consume without losing anything.
 */
import * as NatsSubject from "@effect-eventbus/nats/NatsSubject"
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { Effect } from "effect"
import { startStopwatch } from "../../stopwatch.ts"
import { attempt } from "../baseline.ts"
import type { Consuming } from "../consuming.ts"
import { clientVersion, dial, type Servers } from "./place.ts"

/** As many as the bus holds in the same measurement. */
const held = 4096

let consumers = 0

export const consume = (servers: Servers): Consuming => {
  const name = "raw NATS: pull consumer, callback, explicit acks"
  return {
    name,
    client: clientVersion,
    open: Effect.map(
      Effect.acquireRelease(
        attempt(name, () => dial(servers, { noAsyncTraces: true })),
        (connection) => Effect.promise(() => connection.close())
      ),
      (connection) => ({
        run: ({ messages, topic }, handle) =>
          attempt(name, async () => {
            const stream = NatsSubject.stream(topic)
            const durable = `raw${++consumers}`
            const manager = await jetstreamManager(connection)
            await manager.consumers.add(stream, {
              durable_name: durable,
              ack_policy: AckPolicy.Explicit,
              max_ack_pending: held
            })
            const consumer = await jetstream(connection).consumers.get(stream, durable)
            const elapsed = startStopwatch()
            const time = await new Promise<ReturnType<typeof elapsed>>((resolve, reject) => {
              let count = 0
              consumer.consume({
                max_messages: held,
                callback: (message) => {
                  try {
                    handle(message.data)
                  } catch (error) {
                    return reject(error)
                  }
                  message.ack()
                  if (++count === messages) resolve(elapsed())
                }
              }).catch(reject)
            })
            await connection.flush()
            const { num_ack_pending, num_pending } = await manager.consumers.info(stream, durable)
            await manager.consumers.delete(stream, durable)
            if (num_pending + num_ack_pending > 0) {
              throw new Error(`${num_pending} were not delivered and ${num_ack_pending} not acknowledged`)
            }
            return time
          })
      })
    )
  }
}
