/**
 * Fast ingest (ADR-50) as the client has it: `startFastIngest`, one batch, gap mode "fail".
 */
import { startFastIngest } from "@nats-io/jetstream/internal"
import { startStopwatch } from "../../stopwatch.ts"
import type { Baseline } from "../baseline.ts"
import { baseline, clientVersion, type Servers } from "./place.ts"
import { headersOf, messageId } from "./record.ts"

/** `every`: how many messages are added before it is awaited that there is room. */
export const libraryFastIngest = (servers: Servers, every: number): Baseline =>
  baseline(servers, {
    name: `startFastIngest, awaiting every ${every === 1 ? "" : `${every}th `}add`,
    client: clientVersion,
    publish: async ({ connection, subject }, records) => {
      const options = (index: number) => {
        const record = records[index]!
        return { headers: headersOf(record), msgID: messageId(subject, record) }
      }
      const last = records.length - 1
      const elapsed = startStopwatch()
      const batch = await startFastIngest(connection, subject, records[0]!.body, {
        ...options(0),
        ackInterval: 500,
        allowGaps: false,
        maxOutstandingAcks: 3
      })
      for (let i = 1; i < last; i++) {
        const added = batch.add(subject, records[i]!.body, options(i))
        if (i % every === 0) await added
      }
      const { count } = await batch.last(subject, records[last]!.body, options(last))
      return { ...elapsed(), acked: count }
    }
  })
