/**
 * Kafka's own Java producer, as its own tool measures it: the ceiling. Its records have no key and no header, and its bytes
 * mean nothing, so it does less than anybody else here.
 */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { attempt, type Baseline, BaselineFailed } from "../baseline.ts"
import { countStored } from "./readBack.ts"
import { fresh } from "./topics.ts"

const run = promisify(execFile)

interface Script {
  readonly install: () => string
}

const name = "Kafka's ProducerPerformance (Java), one topic"

/** Bytes of a record: about what an order takes with its key and headers. */
const recordSize = 500

/** "200000 records sent, 227272.7 records/sec (108.37 MB/sec), ..." */
const total = /(\d+) records sent, ([\d.,]+) records\/sec/g

export const ceiling = (bootstrap: ReadonlyArray<string>): Baseline => {
  const round = Effect.fnUntraced(function*(jars: string, count: number) {
    const [topic = ""] = yield* fresh(name, bootstrap)
    const { stdout } = yield* attempt(name, () =>
      run("java", [
        "-Xmx512m",
        "-cp",
        `${jars}/*`,
        "org.apache.kafka.tools.ProducerPerformance",
        "--topic",
        topic,
        "--num-records",
        String(count),
        "--record-size",
        String(recordSize),
        "--throughput",
        "-1",
        "--producer-props",
        `bootstrap.servers=${bootstrap.join(",")}`,
        "acks=all",
        "enable.idempotence=true"
      ]))
    const last = [...stdout.matchAll(total)].at(-1)
    const perSecond = Number(last?.[2]?.replaceAll(",", "."))
    const stored = yield* attempt(name, () => countStored(bootstrap, [topic]))
    if (!(perSecond > 0) || Number(last?.[1]) !== count || stored !== count) {
      const cause = new Error(`${stored} of ${count} stored; it printed ${stdout}`)
      return yield* new BaselineFailed({ baseline: name, cause })
    }
    const counts = { acked: count, failed: 0, unknown: 0, orderViolations: 0, gaps: 0, duplicates: 0 }
    // It does not say what it took in processor time.
    return { messages: count, millis: count / perSecond * 1000, cpuMillis: Number.NaN, counts }
  })
  return {
    name,
    client: "org.apache.kafka:kafka-clients, of the broker's own jars",
    open: attempt(name, async () => {
      // A script in JavaScript, which the type checker of the packages does not read.
      const script: Script = await import(
        new URL("../../../../../scripts/brokers/kafka.mjs", import.meta.url).href
      )
      return script.install()
    }).pipe(Effect.map((jars) => ({ run: (count) => Effect.scoped(round(jars, count)) })))
  }
}
