/**
 * Records handed to a driver's producer by hand, without the bus: what a foreign writer puts into a topic.
 */
import { Effect } from "effect"
import type * as Broker from "../../src/Broker.ts"
import type * as BrokerError from "../../src/BrokerError.ts"
import * as Headers from "../../src/Headers.ts"

/** What came of the records, as it comes in: `answers[i]` holds every answer for record `i`. */
export interface Sent {
  readonly answers: ReadonlyArray<ReadonlyArray<Broker.Outcome>>
}

const encoder = new TextEncoder()

export const record = (options: {
  readonly eventId: string
  readonly key: string
  readonly body: string | Uint8Array
  readonly headers?: Headers.Headers | undefined
  readonly partition?: number | undefined
}): Broker.OutboundRecord => {
  const headers = options.headers ?? []
  const body = typeof options.body === "string" ? encoder.encode(options.body) : options.body
  return {
    eventId: options.eventId,
    key: options.key,
    partition: options.partition ?? 0,
    headers,
    body,
    size: body.length + Headers.size(headers) + options.key.length
  }
}

const laneOf = (
  policy: Broker.LanePolicy,
  topic: Broker.TopicInfo,
  { key, partition }: Broker.OutboundRecord
): string => policy.key === "partition" ? String(partition) : policy.key === "aggregate" ? key : topic.name

/**
 * Hands the records over in order, one batch for each run of one lane. Completes when the client has taken them, with
 * the answers as they come; they are all there when the producer's scope has closed.
 */
export const send = Effect.fnUntraced(function*(
  broker: Broker.Broker["Service"],
  producer: Broker.Producer,
  topic: Broker.TopicSpec,
  records: ReadonlyArray<Broker.OutboundRecord>,
  options?: { readonly atomic?: boolean | undefined }
): Effect.fn.Return<Sent, BrokerError.BrokerError> {
  const { topic: info } = yield* broker.ensureTopic(topic, "createOnly")
  const policy = producer.lanes(topic, info)
  const answers = records.map((): Array<Broker.Outcome> => [])
  const batches: Array<Broker.Batch> = []
  const most = options?.atomic === true ? Infinity : policy.maxBatch
  for (let from = 0; from < records.length;) {
    const first = records[from]
    if (first === undefined) break
    const lane = laneOf(policy, info, first)
    let to = from + 1
    for (
      let next = records[to];
      next !== undefined && to - from < most && laneOf(policy, info, next) === lane;
      next = records[to]
    ) {
      to++
    }
    const mine = answers.slice(from, to)
    batches.push({
      topic: info,
      lane,
      epoch: 0,
      records: records.slice(from, to),
      resend: false,
      atomic: options?.atomic === true,
      settle: (index, outcome) => {
        mine[index]?.push(outcome)
      },
      settleAll: (outcome, start = 0) => {
        for (const answer of mine.slice(start)) if (answer.length === 0) answer.push(outcome)
      }
    })
    from = to
  }
  yield* producer.send(batches)
  return { answers }
})
