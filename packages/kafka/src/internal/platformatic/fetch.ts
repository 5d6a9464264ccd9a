/**
 * One fetch over the connections of `@platformatic/kafka`. Its own stream hands over records of partitions that are gone,
 * and it checks no checksums.
 */
import { type API, type Connection, type ConnectionPool, type Consumer, kGetApi } from "@platformatic/kafka"
import { EngineError, type FetchedPartition } from "../engine.ts"
import { failure, protocolFailure } from "../failure.ts"
import { readBatches } from "../fetched.ts"
import { HeaderReader } from "../records/decode.ts"
import { checksum } from "./checksum.ts"
import { decompress } from "./compress.ts"
import * as request from "./fetchRequest.ts"
import { nameOf } from "./options.ts"

const fetchKey = 1

export interface FetchOptions extends request.FetchOptions {
  /** Default: the leader of the first partition. */
  readonly node?: number
  readonly partitions: ReadonlyArray<request.Wanted>
}

const decoding = { crc32c: checksum, decompress }

const apiOf = (consumer: Consumer): Promise<API<Array<unknown>, unknown>> =>
  new Promise((resolve, reject) => {
    consumer[kGetApi]<Array<unknown>, unknown>("Fetch", (error, api) => {
      if (error !== null || api === undefined) reject(error)
      else resolve(api)
    })
  })

const ask = (
  connection: Connection,
  version: number,
  topic: string,
  options: FetchOptions
): Promise<request.FetchAnswer> =>
  new Promise((resolve, reject) => {
    connection.send(
      fetchKey,
      version,
      () => request.write(version, topic, options.partitions, options),
      (_correlationId, _key, _version, reader) => request.read(reader, version),
      request.isFlexible(version),
      request.isFlexible(version),
      (error, answer) => {
        if (error !== null && error !== undefined) reject(error)
        else if (answer === undefined) reject(new EngineError(failure("lost", "there was no answer")))
        else resolve(answer)
      }
    )
  })

/** Fetches from one topic. What it remembers of the topic's headers belongs to whoever reads it. */
export class TopicReader {
  readonly #consumer: Consumer
  readonly #pool: ConnectionPool
  readonly #topic: string
  readonly #memory = new HeaderReader()
  /** Of the topic when it was read first. */
  #topicId: string | undefined
  /** Something has failed, so where the leaders are has to be asked again. */
  #stale = false

  constructor(consumer: Consumer, pool: ConnectionPool, topic: string) {
    this.#consumer = consumer
    this.#pool = pool
    this.#topic = topic
  }

  /** Whatever topic has the name from now on is the one that is read. */
  forget(): void {
    this.#topicId = undefined
  }

  async leaders(): Promise<ReadonlyMap<number, number>> {
    const { partitions = [] } = (await this.#metadata()).topic ?? {}
    return new Map(partitions.map(({ leader }, partition) => [partition, leader]))
  }

  async fetch(options: FetchOptions): Promise<ReadonlyArray<FetchedPartition>> {
    try {
      return await this.#fetch(options)
    } catch (error) {
      this.#stale = true
      throw error
    }
  }

  async #metadata() {
    const forceUpdate = this.#stale
    this.#stale = false
    const { brokers, topics } = await this.#consumer.metadata({ topics: [this.#topic], forceUpdate })
    return { brokers, topic: topics.get(this.#topic) }
  }

  async #fetch(options: FetchOptions): Promise<ReadonlyArray<FetchedPartition>> {
    const { brokers, topic } = await this.#metadata()
    const node = options.node ?? topic?.partitions[options.partitions[0]?.partition ?? 0]?.leader ?? -1
    const broker = brokers.get(node)
    if (topic === undefined) {
      throw new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no topic "${this.#topic}"`))
    }
    this.#topicId ??= topic.id
    if (this.#topicId !== topic.id) {
      // Its offsets are others: what stands below the position would be skipped, and nobody would know.
      throw new EngineError(protocolFailure("UNKNOWN_TOPIC_ID", `"${this.#topic}" was deleted and made anew`))
    }
    if (broker === undefined) {
      throw new EngineError(failure("unreachable", `node ${node} is not known at present`))
    }
    const [connection, { version }] = await Promise.all([this.#pool.get(broker), apiOf(this.#consumer)])
    const answer = await ask(connection, version, request.hasTopicIds(version) ? topic.id : this.#topic, options)
    if (answer.errorCode !== 0) {
      throw new EngineError(protocolFailure(nameOf(answer.errorCode), `"${this.#topic}" cannot be read`))
    }
    const wanted = new Map(options.partitions.map(({ offset, partition }) => [partition, offset]))
    return answer.partitions.flatMap((one) => {
      const from = wanted.get(one.partition)
      return from === undefined ? [] : [this.#partitionOf(one, from, options.isolationLevel)]
    })
  }

  #partitionOf(
    { aborted, errorCode, partition, records }: request.PartitionAnswer,
    from: bigint,
    isolationLevel: number
  ): FetchedPartition {
    const where = `partition ${partition} of "${this.#topic}"`
    if (errorCode !== 0) {
      this.#stale = true
      const found = protocolFailure(nameOf(errorCode), `${where} cannot be read`)
      return { partition, failure: found, records: [], next: from }
    }
    const fetched = readBatches(
      records ?? Buffer.alloc(0),
      from,
      isolationLevel === 1 ? aborted : [],
      this.#memory,
      decoding
    )
    // What came before the corrupt batch is delivered first; the next fetch begins with it.
    const corrupt = fetched.next === from && fetched.corrupt !== undefined
      ? protocolFailure("CORRUPT_MESSAGE", `${where}: ${fetched.corrupt}`)
      : undefined
    return { partition, failure: corrupt, records: fetched.records, next: fetched.next }
  }
}
