/**
 * Core NATS: published to a subject that nobody reads, flushed, acknowledged by nobody. What is left then is to bring the
 * same bytes to the server, so no way of publishing over this client can be faster.
 */
import { Effect } from "effect"
import { noCounts } from "../../figures.ts"
import { startStopwatch } from "../../stopwatch.ts"
import { attempt, type Baseline } from "../baseline.ts"
import { prepare } from "../prepared.ts"
import { dial, type Servers } from "./place.ts"
import { block, encoded } from "./record.ts"

/** Messages between two flushes; two of them may be under way, so that the client's buffer stays small. */
const every = 1000

export const corePublish = (servers: Servers): Baseline => {
  const name = "core publish and flush, no acknowledgement"
  return {
    name,
    client: "@nats-io/transport-node 3.4.0",
    open: Effect.map(
      Effect.acquireRelease(
        attempt(name, () => dial(servers)),
        (connection) => Effect.promise(() => connection.close())
      ),
      (connection) => ({
        run: (messages: number) =>
          attempt(name, async () => {
            const subject = `bench.nobody.p${process.pid}s`
            const records = prepare(messages, 1).map((record) => encoded(subject, record))
            const headers = block()
            let flushed = Promise.resolve()
            const elapsed = startStopwatch()
            for (let i = 0; i < records.length; i++) {
              const { body, header } = records[i]!
              headers.bytes = header
              connection.publish(subject, body, { headers })
              if (i % every > 0) continue
              const before = flushed
              flushed = connection.flush()
              await before
            }
            await flushed
            await connection.flush()
            return { messages, ...elapsed(), counts: noCounts }
          })
      })
    )
  }
}
