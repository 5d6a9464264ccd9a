import { assert, describe, it } from "@effect/vitest"
import { type Job, type JobResult } from "../src/internal/engine.ts"
import { EngineError } from "../src/internal/engine.ts"
import { type Failure, failure, protocolFailure } from "../src/internal/failure.ts"
import { advance, Sequence } from "../src/internal/produce/sequences.ts"
import { Session } from "../src/internal/produce/session.ts"
import type { Answer, Identity, Leader, Part, Transport } from "../src/internal/produce/transport.ts"
import { record } from "./fixtures/spi.ts"

/** Promises that have settled have run what waits for them. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

interface Sent {
  readonly node: number
  readonly parts: ReadonlyArray<Part>
  readonly answer: (partition: number, answer: Answer) => void
}

const stored = (baseOffset: bigint): Answer => ({ _tag: "Stored", baseOffset })
const refused = (found: Failure): Answer => ({ _tag: "Refused", failure: found })
const lost = refused(failure("lost", "Connection closed"))
const code = (name: string): Answer => refused(protocolFailure(name, "no"))

/** A cluster that answers when the test says so. Batches are texts: producer id, sequence, event ids. */
const cluster = (options: { readonly idempotent?: boolean; readonly leaders?: (partition: number) => Leader } = {}) => {
  const sent: Array<Sent> = []
  const pauses: Array<() => void> = []
  const refreshed: Array<string> = []
  let identities = 0
  let identify: () => Promise<Identity> = () => {
    const producerId = BigInt(++identities)
    return Promise.resolve({ producerId, producerEpoch: 0 })
  }
  let refresh: () => Promise<void> = () => Promise.resolve()
  let leaders = options.leaders ?? (() => ({ _tag: "Node", node: 1 }))
  let closed = false
  const transport: Transport = {
    identify: () => identify(),
    leaderOf: (_topic, partition) => leaders(partition),
    refresh: (topic) => {
      refreshed.push(topic)
      return refresh()
    },
    send: (node, parts, done) => {
      sent.push({
        node,
        parts,
        answer: (partition, answer) => {
          const part = parts.find((one) => one.partition === partition)
          if (part === undefined) throw new Error(`partition ${partition} is not in this request`)
          done(part, answer)
        }
      })
    },
    close: () => {
      closed = true
      return Promise.resolve()
    }
  }
  const session = new Session({
    transport,
    idempotent: options.idempotent ?? true,
    retryDelayMillis: 100,
    maxRequestBytes: 1000,
    encode: ({ records }, { producerId }, sequence) =>
      Buffer.from(`${producerId}/${sequence} ${records.map(({ eventId }) => eventId).join()}`),
    after: (_millis, run) => pauses.push(run)
  })
  return {
    session,
    sent,
    refreshed,
    batches: () => sent.map(({ parts }) => parts.map(({ batch, partition }) => `${partition}: ${batch.toString()}`)),
    last: () => sent.at(-1)!,
    pause: async () => {
      for (const run of pauses.splice(0)) run()
      await settle()
    },
    pausing: () => pauses.length,
    onIdentify: (f: () => Promise<Identity>) => {
      identify = f
    },
    onRefresh: (f: () => Promise<void>) => {
      refresh = f
    },
    onLeaders: (f: (partition: number) => Leader) => {
      leaders = f
    },
    closed: () => closed
  }
}

const results = () => {
  const told: Array<string> = []
  const done = ({ partition, records }: Job, result: JobResult): void => {
    const what = result._tag === "Stored"
      ? `stored at ${result.baseOffset}`
      : result.failures.map((one) => one.code ?? one.kind).join()
    told.push(`${partition} ${records.map(({ eventId }) => eventId).join()}: ${what}`)
  }
  return { told, done }
}

const job = (partition: number, ...ids: ReadonlyArray<string>): Job => ({
  topic: "orders",
  partition,
  records: ids.map((id) => record(id, { partition }))
})

describe("sequences", () => {
  it("count records, and begin at 0 again behind the highest", () => {
    assert.strictEqual(advance(0, 500), 500)
    assert.strictEqual(advance(2 ** 31 - 2, 1), 2 ** 31 - 1)
    assert.strictEqual(advance(2 ** 31 - 1, 1), 0)
    assert.strictEqual(advance(2 ** 31 - 2, 5), 3)
  })

  it("begin at 0 under another identity, and what is stored under an old one moves nothing", () => {
    const sequence = new Sequence()
    const [first, second] = [{ producerId: 1n, producerEpoch: 0 }, { producerId: 2n, producerEpoch: 0 }]
    assert.strictEqual(sequence.next(first), 0)
    sequence.stored(first, 7)
    assert.strictEqual(sequence.next(first), 7)
    assert.strictEqual(sequence.next(second), 0)
    sequence.stored(first, 7)
    assert.strictEqual(sequence.next(second), 0)
  })
})

describe("a producing session", () => {
  it("sends what goes to one leader in one request, each partition with a sequence of its own", async () => {
    const { batches, last, sent, session } = cluster({
      leaders: (partition) => ({ _tag: "Node", node: partition === 2 ? 8 : 7 })
    })
    const { done, told } = results()
    session.produce([job(0, "a", "b"), job(1, "c"), job(2, "d")], done)
    await settle()
    assert.deepStrictEqual(batches(), [["0: 1/0 a,b", "1: 1/0 c"], ["2: 1/0 d"]])
    assert.deepStrictEqual(sent.map(({ node }) => node), [7, 8])
    sent[0]!.answer(0, stored(10n))
    sent[0]!.answer(1, stored(20n))
    sent[1]!.answer(2, stored(30n))
    assert.deepStrictEqual(told, ["0 a,b: stored at 10", "1 c: stored at 20", "2 d: stored at 30"])
    session.produce([job(0, "e"), job(1, "f")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: 1/2 e", "1: 1/1 f"])
    last().answer(0, stored(12n))
    assert.deepStrictEqual(told.at(-1), "0 e: stored at 12")
  })

  it("a request has a bound, and a batch may be larger", async () => {
    const { batches, session } = cluster()
    const { done } = results()
    session.produce([job(0, "x".repeat(600)), job(1, "y".repeat(600)), job(2, "z".repeat(2000)), job(3, "a")], done)
    await settle()
    assert.deepStrictEqual(batches().map((parts) => parts.length), [1, 1, 1, 1])
  })

  it("has one batch of a partition under way, whoever hands over two", async () => {
    const { batches, last, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a"), job(0, "b")], done)
    await settle()
    assert.deepStrictEqual(batches(), [["0: 1/0 a"]])
    last().answer(0, stored(0n))
    await settle()
    assert.deepStrictEqual(batches().at(-1), ["0: 1/1 b"])
    last().answer(0, stored(1n))
    assert.deepStrictEqual(told, ["0 a: stored at 0", "0 b: stored at 1"])
  })

  it("a second answer to one request changes nothing", async () => {
    const { batches, sent, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a")], done)
    await settle()
    sent[0]!.answer(0, stored(0n))
    sent[0]!.answer(0, stored(0n))
    sent[0]!.answer(0, lost)
    session.produce([job(0, "b")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: 1/1 b"])
    assert.deepStrictEqual(told, ["0 a: stored at 0"])
  })

  it("the same bytes go again until there is a definite answer", async () => {
    const { batches, last, pause, refreshed, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a")], done)
    await settle()
    for (const answer of [lost, code("NOT_ENOUGH_REPLICAS"), code("NOT_LEADER_OR_FOLLOWER")]) {
      last().answer(0, answer)
      assert.deepStrictEqual(told, [])
      await pause()
    }
    assert.deepStrictEqual(batches().flat(), Array.from({ length: 4 }, () => "0: 1/0 a"))
    // Not for want of replicas: there the leader is right.
    assert.deepStrictEqual(refreshed, ["orders", "orders"])
    last().answer(0, stored(4n))
    assert.deepStrictEqual(told, ["0 a: stored at 4"])
    session.produce([job(0, "b")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: 1/1 b"])
  })

  it("what the broker has already is stored", async () => {
    const { batches, last, pause, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a")], done)
    await settle()
    last().answer(0, lost)
    await pause()
    last().answer(0, code("DUPLICATE_SEQUENCE_NUMBER"))
    assert.deepStrictEqual(told, ["0 a: stored at undefined"])
    session.produce([job(0, "b")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: 1/1 b"])
  })

  it("a refused partition takes none of its neighbours along, and gives its sequence to the next batch", async () => {
    const { batches, last, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a"), job(1, "b")], done)
    await settle()
    last().answer(0, code("MESSAGE_TOO_LARGE"))
    last().answer(1, stored(0n))
    assert.deepStrictEqual(told, ["0 a: MESSAGE_TOO_LARGE", "1 b: stored at 0"])
    session.produce([job(0, "c"), job(1, "d")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: 1/0 c", "1: 1/1 d"])
  })

  it("goes on under a new identity where the broker has forgotten the old one", async () => {
    for (const name of ["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH"]) {
      const { batches, last, sent, session } = cluster()
      const { done, told } = results()
      session.produce([job(0, "a"), job(1, "b")], done)
      await settle()
      last().answer(0, code(name))
      assert.deepStrictEqual(told, [`0 a: ${name}`])
      session.produce([job(0, "a")], done)
      await settle()
      assert.deepStrictEqual(batches().at(-1), ["0: 2/0 a"])
      // The other partition's batch is still under way under the old one, and stays what it is.
      sent[0]!.answer(1, stored(5n))
      session.produce([job(1, "c")], done)
      assert.deepStrictEqual(batches().at(-1), ["1: 2/0 c"])
    }
  })

  it("what is given up without a definite answer ends the identity, and says that it may be stored", async () => {
    const { batches, last, session } = cluster()
    const { done, told } = results()
    const given = job(0, "a")
    session.produce([given], done)
    await settle()
    session.giveUp([given])
    // Its request may still be answered.
    assert.deepStrictEqual(told, [])
    last().answer(0, lost)
    assert.deepStrictEqual(told, ["0 a: lost"])
    session.produce([job(0, "b")], done)
    await settle()
    assert.deepStrictEqual(batches().at(-1), ["0: 2/0 b"])
  })

  it("what is given up between two tries is answered for at once, with all that may have happened", async () => {
    const { batches, last, pause, session } = cluster()
    const { done, told } = results()
    const given = job(0, "a")
    session.produce([given], done)
    await settle()
    last().answer(0, lost)
    await pause()
    last().answer(0, code("NOT_ENOUGH_REPLICAS"))
    session.giveUp([given])
    assert.deepStrictEqual(told, ["0 a: lost,NOT_ENOUGH_REPLICAS"])
    await pause()
    assert.strictEqual(batches().length, 2)
  })

  it("what was never sent keeps the identity when it is given up", async () => {
    const { batches, last, onLeaders, pause, session } = cluster()
    const { done, told } = results()
    session.produce([job(1, "x")], done)
    await settle()
    last().answer(1, stored(0n))
    onLeaders(() => ({ _tag: "None" }))
    const given = job(0, "a")
    session.produce([given], done)
    await pause()
    session.giveUp([given])
    assert.deepStrictEqual(told, ["1 x: stored at 0", "0 a: LEADER_NOT_AVAILABLE"])
    onLeaders(() => ({ _tag: "Node", node: 1 }))
    session.produce([job(0, "b")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: 1/0 b"])
  })

  it("looks a new topic up first, for a while also in vain", async () => {
    const { batches, onLeaders, onRefresh, pause, refreshed, session } = cluster({
      leaders: () => ({ _tag: "Unknown" })
    })
    const { done, told } = results()
    let tries = 0
    onRefresh(() => {
      if (++tries < 3) return Promise.reject(new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", "no")))
      onLeaders(() => ({ _tag: "Node", node: 1 }))
      return Promise.resolve()
    })
    session.produce([job(0, "a")], done)
    await settle()
    await pause()
    await pause()
    assert.strictEqual(refreshed.length, 3)
    assert.deepStrictEqual(batches(), [["0: 1/0 a"]])
    assert.deepStrictEqual(told, [])
  })

  it("a topic that is not there is an answer, and so is a partition", async () => {
    const { onLeaders, onRefresh, pause, session } = cluster({ leaders: () => ({ _tag: "Unknown" }) })
    const { done, told } = results()
    onRefresh(() => Promise.reject(new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", "no"))))
    session.produce([job(0, "a")], done)
    await settle()
    for (let i = 0; i < 12; i++) await pause()
    assert.deepStrictEqual(told, ["0 a: UNKNOWN_TOPIC_OR_PARTITION"])
    onRefresh(() => Promise.resolve())
    onLeaders(() => ({ _tag: "Missing" }))
    session.produce([job(9, "b")], done)
    await settle()
    assert.deepStrictEqual(told.at(-1), "9 b: UNKNOWN_TOPIC_OR_PARTITION")
  })

  it("waits for an identity as long as somebody waits for it", async () => {
    const { batches, onIdentify, pause, session } = cluster()
    const { done, told } = results()
    let tries = 0
    onIdentify(() =>
      ++tries < 3
        ? Promise.reject(new EngineError(failure("unreachable", "no")))
        : Promise.resolve({ producerId: 9n, producerEpoch: 1 })
    )
    session.produce([job(0, "a")], done)
    await settle()
    await pause()
    await pause()
    assert.deepStrictEqual(batches(), [["0: 9/0 a"]])
    assert.deepStrictEqual(told, [])
  })

  it("a batch that has an identity goes on under it, also where no new one is to be had", async () => {
    const { batches, last, onIdentify, pause, sent, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a"), job(1, "b")], done)
    await settle()
    onIdentify(() => Promise.reject(new EngineError(protocolFailure("CLUSTER_AUTHORIZATION_FAILED", "no"))))
    sent[0]!.answer(1, lost)
    sent[0]!.answer(0, code("UNKNOWN_PRODUCER_ID"))
    session.produce([job(0, "c")], done)
    await settle()
    await pause()
    assert.deepStrictEqual(told, ["0 a: UNKNOWN_PRODUCER_ID", "0 c: CLUSTER_AUTHORIZATION_FAILED"])
    assert.deepStrictEqual(batches().at(-1), ["1: 1/0 b"])
    last().answer(1, stored(3n))
    assert.deepStrictEqual(told.at(-1), "1 b: stored at 3")
  })

  it("who may not have an identity is told so", async () => {
    const { batches, onIdentify, session } = cluster()
    const { done, told } = results()
    onIdentify(() => Promise.reject(new EngineError(protocolFailure("CLUSTER_AUTHORIZATION_FAILED", "no"))))
    session.produce([job(0, "a"), job(1, "b")], done)
    await settle()
    assert.deepStrictEqual(told, ["0 a: CLUSTER_AUTHORIZATION_FAILED", "1 b: CLUSTER_AUTHORIZATION_FAILED"])
    assert.deepStrictEqual(batches(), [])
  })

  it("without idempotence nobody is asked for an identity", async () => {
    const { batches, last, session } = cluster({ idempotent: false })
    const { done } = results()
    session.produce([job(0, "a")], done)
    assert.deepStrictEqual(batches(), [["0: -1/-1 a"]])
    last().answer(0, stored(0n))
    session.produce([job(0, "b")], done)
    assert.deepStrictEqual(batches().at(-1), ["0: -1/-1 b"])
  })

  it("closing answers for everything, also for what comes later", async () => {
    const { closed, last, pausing, session } = cluster()
    const { done, told } = results()
    session.produce([job(0, "a"), job(0, "b"), job(1, "c")], done)
    await settle()
    last().answer(1, code("NOT_ENOUGH_REPLICAS"))
    await session.close()
    assert.isTrue(closed())
    assert.deepStrictEqual(told, ["0 b: closed", "1 c: NOT_ENOUGH_REPLICAS"])
    last().answer(0, lost)
    session.produce([job(0, "d")], done)
    assert.deepStrictEqual(told.slice(2), ["0 a: lost", "0 d: closed"])
    assert.strictEqual(pausing(), 1)
  })
})
