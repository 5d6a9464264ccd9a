/**
 * The fastest loop that one can write over the client and still know of each message whether it is stored: `nc.publish`
 * with a reply subject, one subscription for all answers, a ledger; no promise, timer or request per message. Headers are
 * bytes that were made before the clock started.
 */
import { Latency } from "../../latency.ts"
import { startStopwatch } from "../../stopwatch.ts"
import type { Baseline } from "../baseline.ts"
import { baseline, type Published, type Servers } from "./place.ts"
import { block, encoded } from "./record.ts"

export const ownInbox = (servers: Servers, inFlight = 256): Baseline =>
  baseline(servers, {
    name: `own inbox, ${inFlight.toLocaleString("en-US")} in flight`,
    client: "@nats-io/transport-node 3.4.0",
    connection: { noAsyncTraces: true },
    publish: ({ connection, subject }, prepared) =>
      new Promise<Published>((resolve, reject) => {
        const records = prepared.map((record) => encoded(subject, record))
        const inbox = `_INBOX.bench${subject.slice(subject.lastIndexOf(".") + 1)}.`
        const publishToAck = inFlight === 1 ? new Latency() : undefined
        const ledger = new Map<number, number>()
        const headers = block()
        let next = 0
        let acked = 0
        const fill = (): void => {
          while (ledger.size < inFlight && next < records.length) {
            const id = next++
            const { body, header } = records[id]!
            ledger.set(id, publishToAck === undefined ? 0 : performance.now())
            headers.bytes = header
            connection.publish(subject, body, { reply: `${inbox}${id}`, headers })
          }
        }
        const subscription = connection.subscribe(`${inbox}*`, {
          callback: (error, message) => {
            if (error !== null) return reject(error)
            const id = Number(message.subject.slice(inbox.length))
            const started = ledger.get(id)
            const answer: unknown = JSON.parse(message.string())
            if (started === undefined || typeof answer !== "object" || answer === null || "error" in answer) {
              return reject(new Error(`the answer to message ${id} is ${message.string()}`))
            }
            ledger.delete(id)
            publishToAck?.record(performance.now() - started)
            if (++acked < records.length) return fill()
            const time = elapsed()
            subscription.unsubscribe()
            resolve({ ...time, acked, publishToAck })
          }
        })
        const elapsed = startStopwatch()
        fill()
      })
  })
