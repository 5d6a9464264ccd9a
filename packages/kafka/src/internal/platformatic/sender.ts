/**
 * Publishing with `@platformatic/kafka`.
 */
import { ProduceAcks, Producer } from "@platformatic/kafka"
import type { Job, JobResult, Sender } from "../engine.ts"
import { protocolFailure } from "../failure.ts"
import { encode, toBuffer } from "../headers.ts"
import type { Settings } from "../settings.ts"
import { failuresOf, harmless, partitionOutcome } from "./errors.ts"
import { baseOptions, nameOf, quiet } from "./options.ts"

export type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>
type Message = Parameters<RawProducer["send"]>[0]["messages"][number]

/** The client forces "for ever" on an idempotent producer unless it is told a number above 1. */
const manyTries = 100_000
const forget = (promise: Promise<unknown>): void => {
  promise.catch(() => {})
}

const makeProducer = (settings: Settings): RawProducer =>
  quiet(
    new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...baseOptions(settings),
      idempotent: settings.idempotent,
      retries: manyTries,
      // The server's own wait for replicas ends before ours for the server.
      timeout: Math.max(1, Math.floor(settings.requestTimeoutMillis * 0.8)),
      handleBackPressure: true
    })
  )

const messagesOf = (jobs: ReadonlyArray<Job>): Array<Message> => {
  const messages: Array<Message> = []
  for (const { partition, records, topic } of jobs) {
    for (let i = 0; i < records.length; i++) {
      const { body, headers, key } = records[i]!
      messages.push({ topic, partition, key: Buffer.from(key), value: toBuffer(body), headers: encode(headers) })
    }
  }
  return messages
}

const missing = (job: Job): JobResult => ({
  _tag: "Failed",
  failures: [
    protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no partition ${job.partition} of "${job.topic}"`)
  ]
})

export const makeSender = (settings: Settings, watch: (producer: RawProducer) => void): Sender => {
  let producer: RawProducer | undefined
  const current = (): RawProducer => {
    if (producer === undefined) {
      producer = makeProducer(settings)
      watch(producer)
    }
    return producer
  }
  const acks = settings.acks === "all" ? ProduceAcks.ALL : ProduceAcks.LEADER

  /** All of one leader: one request. */
  const sendGroup = (jobs: ReadonlyArray<Job>, done: (job: Job, result: JobResult) => void): void => {
    // The client writes into the options that it is given: a fresh object for each call.
    current().send({ messages: messagesOf(jobs), acks, compression: settings.compression }, (error, result) => {
      if (error !== null && error !== undefined) {
        for (const job of jobs) done(job, partitionOutcome(error, job.topic, job.partition, nameOf))
        return
      }
      const offsets = result?.offsets ?? []
      for (const job of jobs) {
        const found = offsets.find(({ partition, topic }) => topic === job.topic && partition === job.partition)
        done(job, { _tag: "Stored", baseOffset: found === undefined || found.offset < 0n ? undefined : found.offset })
      }
    })
  }

  const byLeader = (jobs: ReadonlyArray<Job>, done: (job: Job, result: JobResult) => void): void => {
    const topics = current().currentMetadata?.topics
    const groups = new Map<number, Array<Job>>()
    for (const job of jobs) {
      const topic = topics?.get(job.topic)
      // The client would put it into another partition.
      if (topic !== undefined && job.partition >= topic.partitionsCount) {
        done(job, missing(job))
        continue
      }
      const leader = topic?.partitions[job.partition]?.leader ?? -1
      const group = groups.get(leader)
      if (group === undefined) groups.set(leader, [job])
      else group.push(job)
    }
    for (const group of groups.values()) sendGroup(group, done)
  }

  /** Sends the jobs of a topic that the client has not met yet; never rejects. */
  const lookUp = async (
    raw: RawProducer,
    topic: string,
    jobs: ReadonlyArray<Job>,
    done: (job: Job, result: JobResult) => void
  ): Promise<void> => {
    let problem: unknown
    try {
      await raw.metadata({ topics: [topic], retries: 10 })
    } catch (error) {
      problem = error
    }
    if (problem === undefined) {
      byLeader(jobs, done)
      return
    }
    for (const job of jobs) done(job, { _tag: "Failed", failures: failuresOf(problem).map(harmless) })
  }

  return {
    produce: (jobs, done) => {
      const raw = current()
      const topics = raw.currentMetadata?.topics
      const unknown = new Set(jobs.flatMap(({ topic }) => topics?.get(topic) === undefined ? [topic] : []))
      if (unknown.size === 0) {
        byLeader(jobs, done)
        return
      }
      const known = jobs.filter(({ topic }) => !unknown.has(topic))
      if (known.length > 0) byLeader(known, done)
      // Without this, an unknown topic would be asked for again and again inside of `send`.
      for (const topic of unknown) {
        void lookUp(raw, topic, jobs.filter((job) => job.topic === topic), done)
      }
    },
    restart: () => {
      const old = producer
      producer = undefined
      if (old !== undefined) forget(old.close(true))
    },
    close: async () => {
      const old = producer
      producer = undefined
      if (old !== undefined) await old.close(true).catch(() => {})
    }
  }
}
