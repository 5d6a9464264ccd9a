/**
 * Publishing with `kafkajs`: one `sendBatch` per partition and one try each, because the client hides what its earlier
 * tries met. Its idempotent producer is experimental and dies of a lost answer, so it is not offered.
 */
import kafkajs, { type Producer } from "kafkajs"
import type { Job, JobResult, Sender } from "../engine.ts"

import type { Settings } from "../settings.ts"
import { adminFailureOf, failureOf } from "./errors.ts"
import { client } from "./options.ts"
import { toBuffer } from "./toBuffer.ts"

type Values = Array<Buffer | string>

const headersOf = (headers: Job["records"][number]["headers"]): Record<string, Values> => {
  const out = new Map<string, Values>()
  for (const [name, value] of headers) {
    const bytes = typeof value === "string" ? value : toBuffer(value)
    const known = out.get(name)
    if (known === undefined) out.set(name, [bytes])
    else known.push(bytes)
  }
  return Object.fromEntries(out)
}

export const makeSender = (settings: Settings): Sender => {
  let producer: Promise<Producer> | undefined
  const connect = async (): Promise<Producer> => {
    const made = client(settings, 0).producer({ allowAutoTopicCreation: false })
    try {
      await made.connect()
    } catch (error) {
      await made.disconnect().catch(() => {})
      throw error
    }
    return made
  }
  const current = (): Promise<Producer> => {
    if (producer === undefined) {
      const made = connect()
      producer = made
      made.catch(() => {
        if (producer === made) producer = undefined
      })
    }
    return producer
  }
  const send = async ({ partition, records, topic }: Job): Promise<JobResult> => {
    let ready: Producer
    try {
      ready = await current()
    } catch (error) {
      return { _tag: "Failed", failures: [adminFailureOf(error)] }
    }
    try {
      const answers = await ready.sendBatch({
        acks: settings.acks === "all" ? -1 : 1,
        timeout: Math.max(1, Math.floor(settings.requestTimeoutMillis * 0.8)),
        compression: settings.compression === "gzip" ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
        topicMessages: [{
          topic,
          messages: records.map(({ body, headers, key }) => ({
            partition,
            key,
            value: toBuffer(body),
            headers: headersOf(headers)
          }))
        }]
      })
      const found = answers.find((one) => one.topicName === topic && one.partition === partition)
      const base = found?.baseOffset
      return { _tag: "Stored", baseOffset: base === undefined || base.startsWith("-") ? undefined : BigInt(base) }
    } catch (error) {
      return { _tag: "Failed", failures: [failureOf(error)] }
    }
  }
  const drop = async (): Promise<void> => {
    const old = producer
    producer = undefined
    try {
      await (await old)?.disconnect()
    } catch {
      // It is gone either way.
    }
  }
  return {
    produce: (jobs, done) => {
      for (const job of jobs) {
        void (async () => {
          done(job, await send(job))
        })()
      }
    },
    // It has no tries of its own; whatever has not come back goes down with its connections.
    giveUp: () => {
      void drop()
    },
    close: drop
  }
}
