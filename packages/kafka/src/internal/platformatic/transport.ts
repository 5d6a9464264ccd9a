/**
 * Producing over the connections of `@platformatic/kafka`: its bootstrap, metadata, TLS, SASL and framing, without its
 * encoding and without its retries.
 */
import { type Connection, kGetApi, kGetConnection, Producer } from "@platformatic/kafka"
import { EngineError } from "../engine.ts"
import { type Failure, failure, protocolFailure } from "../failure.ts"
import type { Answer, Part, Transport } from "../produce/transport.ts"
import type { Settings } from "../settings.ts"
import { failureOf, harmless } from "./errors.ts"
import { baseOptions, nameOf, quiet } from "./options.ts"
import * as request from "./produceRequest.ts"

export type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>

/** Requests of one connection that are not answered. A partition has one batch in them, so that order is kept. */
const maxInflights = 16

const produceKey = 0

type Done = (part: Part, answer: Answer) => void

export const makeRaw = (settings: Settings): RawProducer =>
  quiet(
    new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...baseOptions(settings),
      // It only connects, and asks for a producer id: sequences are counted by us.
      idempotent: false,
      maxInflights,
      handleBackPressure: true
    })
  )

const stored = (baseOffset: bigint): Answer => ({
  _tag: "Stored",
  baseOffset: baseOffset < 0n ? undefined : baseOffset
})

const refused = (found: Failure): Answer => ({ _tag: "Refused", failure: found })

const unanswered = refused(failure("lost", "the answer does not speak of this partition"))

export const makeTransport = (raw: RawProducer, settings: Settings): Transport => {
  const acks = settings.acks === "all" ? -1 : 1
  // The server's own wait for replicas ends before ours for the server.
  const timeoutMillis = Math.max(1, Math.floor(settings.requestTimeoutMillis * 0.8))

  const write = (connection: Connection, version: number, parts: ReadonlyArray<Part>, done: Done): void =>
    connection.send(
      produceKey,
      version,
      () => request.write(parts, { version, acks, timeoutMillis }),
      (_correlationId, _key, _version, reader) => request.read(reader, version),
      request.isFlexible(version),
      request.isFlexible(version),
      (error, answers) => {
        if (error !== null && error !== undefined) {
          const answer = refused(failureOf(error))
          for (const part of parts) done(part, answer)
          return
        }
        for (const part of parts) {
          const own = answers?.find(({ partition, topic }) => partition === part.partition && topic === part.topic)
          if (own === undefined) done(part, unanswered)
          else if (own.errorCode === 0) done(part, stored(own.baseOffset))
          else done(part, refused(protocolFailure(nameOf(own.errorCode), own.errorMessage ?? "refused")))
        }
      }
    )

  const send: Transport["send"] = (node, parts, done) => {
    /** Nothing was written. */
    const fail = (error: unknown): void => {
      const answer = refused(harmless(failureOf(error)))
      for (const part of parts) done(part, answer)
    }
    const broker = raw.currentMetadata?.brokers.get(node)
    if (broker === undefined) {
      fail(new EngineError(failure("unreachable", `node ${node} is not known at present`)))
      return
    }
    raw[kGetConnection](broker, (error, connection) => {
      if (error !== null || connection === undefined) {
        fail(error)
        return
      }
      raw[kGetApi]("Produce", (apiError, api) => {
        if (apiError !== null || api === undefined) fail(apiError)
        else write(connection, api.version, parts, done)
      })
    })
  }

  return {
    identify: async () => {
      try {
        const { producerEpoch, producerId } = await raw.initIdempotentProducer({})
        return { producerId, producerEpoch }
      } catch (error) {
        throw new EngineError(harmless(failureOf(error)))
      }
    },
    leaderOf: (topic, partition) => {
      const known = raw.currentMetadata?.topics.get(topic)
      if (known === undefined) return { _tag: "Unknown" }
      if (partition >= known.partitionsCount) return { _tag: "Missing" }
      const leader = known.partitions[partition]?.leader ?? -1
      return leader < 0 ? { _tag: "None" } : { _tag: "Node", node: leader }
    },
    refresh: async (topic) => {
      try {
        // Once more, because only then it asks another node.
        await raw.metadata({ topics: [topic], forceUpdate: true, retries: 1 })
      } catch (error) {
        throw new EngineError(harmless(failureOf(error)))
      }
    },
    send,
    close: () => raw.close(true).catch(() => {})
  }
}
