/**
 * `js.publish`, the client's own way, with so many calls in flight.
 */
import { jetstream } from "@nats-io/jetstream"
import { Latency } from "../../latency.ts"
import { startStopwatch } from "../../stopwatch.ts"
import type { Baseline } from "../baseline.ts"
import { baseline, clientVersion, type Servers } from "./place.ts"
import { headersOf, messageId } from "./record.ts"

export interface Options {
  /** Leaves out the stacks of errors that nobody sees, half of what a request costs. Default false, as the client's. */
  readonly noAsyncTraces?: boolean
  /** Default 256. */
  readonly inFlight?: number
  readonly share?: number
}

export const jsPublish = (
  servers: Servers,
  { inFlight = 256, noAsyncTraces = false, share }: Options = {}
): Baseline =>
  baseline(servers, {
    name: `js.publish${noAsyncTraces ? ", noAsyncTraces" : ""}, ${inFlight} in flight`,
    client: clientVersion,
    share,
    connection: { noAsyncTraces },
    publish: async ({ connection, subject }, records) => {
      const js = jetstream(connection)
      const publishToAck = inFlight === 1 ? new Latency() : undefined
      let next = 0
      let acked = 0
      const caller = async (): Promise<void> => {
        while (next < records.length) {
          const record = records[next++]!
          const started = publishToAck === undefined ? 0 : performance.now()
          await js.publish(subject, record.body, { headers: headersOf(record), msgID: messageId(subject, record) })
          publishToAck?.record(performance.now() - started)
          acked++
        }
      }
      const elapsed = startStopwatch()
      await Promise.all(Array.from({ length: inFlight }, caller))
      return { ...elapsed(), acked, publishToAck }
    }
  })
