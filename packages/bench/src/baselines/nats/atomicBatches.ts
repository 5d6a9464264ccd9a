/**
 * Atomic batches (ADR-50) as the client has them, several at once.
 */
import { jetstream } from "@nats-io/jetstream"
import { startStopwatch } from "../../stopwatch.ts"
import type { Baseline } from "../baseline.ts"
import type { Prepared } from "../prepared.ts"
import { baseline, clientVersion, type Servers } from "./place.ts"
import { headersOf, messageId } from "./record.ts"

/** The most that the server takes. */
const size = 1000

export const atomicBatches = (servers: Servers, atOnce = 4): Baseline =>
  baseline(servers, {
    name: `atomic batches of ${size.toLocaleString("en-US")}, ${atOnce} at once`,
    client: clientVersion,
    connection: { noAsyncTraces: true },
    // Several at once overtake each other.
    ordered: false,
    publish: async ({ connection, subject }, records) => {
      const js = jetstream(connection)
      const headers = (record: Prepared) => {
        const all = headersOf(record)
        all.set("Nats-Msg-Id", messageId(subject, record))
        return all
      }
      let next = 0
      let acked = 0
      const caller = async (): Promise<void> => {
        while (next < records.length) {
          const part = records.slice(next, next + size)
          next += part.length
          const first = part[0]!
          const last = part.at(-1)!
          if (part.length === 1) {
            await js.publish(subject, first.body, { headers: headers(first) })
            acked++
            continue
          }
          const batch = await js.startBatch(subject, first.body, { headers: headers(first) })
          for (const record of part.slice(1, -1)) batch.add(subject, record.body, { headers: headers(record) })
          const { count } = await batch.commit(subject, last.body, { headers: headers(last) })
          acked += count
        }
      }
      const elapsed = startStopwatch()
      await Promise.all(Array.from({ length: atOnce }, caller))
      return { ...elapsed(), acked }
    }
  })
