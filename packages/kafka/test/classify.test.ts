import { assert, describe, it } from "@effect/vitest"
import { brokerReason, outcomeOf, subscribeReason } from "../src/internal/classify.ts"
import { type Failure, failure, protocolFailure } from "../src/internal/failure.ts"
import { failureOf, failuresOf, partitionOutcome } from "../src/internal/platformatic/errors.ts"

const topic = { topic: "orders", group: "g", size: { bytes: 11, limit: 10 } }
const of = (code: string): Failure => protocolFailure(code, "said the broker")

type Row = readonly [failure: Failure, outcome: string, reason: string, retryable: boolean]

const rows: ReadonlyArray<Row> = [
  [of("NOT_LEADER_OR_FOLLOWER"), "Ambiguous", "NotConnected", true],
  [of("LEADER_NOT_AVAILABLE"), "NotStored", "NotConnected", true],
  [of("NOT_ENOUGH_REPLICAS"), "NotStored", "BrokerFailure", true],
  [of("NOT_ENOUGH_REPLICAS_AFTER_APPEND"), "Ambiguous", "BrokerFailure", true],
  [of("REQUEST_TIMED_OUT"), "Ambiguous", "Timeout", true],
  [of("UNKNOWN_SERVER_ERROR"), "Ambiguous", "BrokerFailure", true],
  [of("KAFKA_STORAGE_ERROR"), "Ambiguous", "Refused", true],
  [of("MESSAGE_TOO_LARGE"), "NotStored", "TooLarge", false],
  [of("RECORD_LIST_TOO_LARGE"), "NotStored", "TooLarge", false],
  [of("TOPIC_AUTHORIZATION_FAILED"), "NotStored", "Unauthorized", false],
  [of("CLUSTER_AUTHORIZATION_FAILED"), "NotStored", "Unauthorized", false],
  [of("UNKNOWN_TOPIC_OR_PARTITION"), "NotStored", "TopicMissing", false],
  [of("INVALID_TOPIC_EXCEPTION"), "NotStored", "Refused", false],
  [of("INVALID_RECORD"), "NotStored", "Refused", false],
  [of("OUT_OF_ORDER_SEQUENCE_NUMBER"), "NotStored", "BrokerFailure", true],
  [of("UNKNOWN_PRODUCER_ID"), "NotStored", "BrokerFailure", true],
  [of("PRODUCER_FENCED"), "NotStored", "BrokerFailure", true],
  [of("SOMETHING_OF_NEXT_YEAR"), "NotStored", "BrokerFailure", false],
  [failure("unreachable", "refused"), "NotStored", "NotConnected", true],
  [failure("lost", "closed"), "Ambiguous", "NotConnected", true],
  [failure("timeout", "no answer"), "Ambiguous", "Timeout", true],
  [failure("closed", "closed"), "NotStored", "Closed", false],
  [failure("unauthenticated", "wrong password"), "NotStored", "Unauthorized", false],
  [failure("tls", "plain server"), "NotStored", "Unauthorized", false],
  [failure("usage", "bad call"), "NotStored", "BrokerFailure", false]
]

describe("what a failure means for a publish", () => {
  for (const [found, tag, reason, retryable] of rows) {
    it(`${found.code ?? found.kind}: ${tag}, ${reason}`, () => {
      const outcome = outcomeOf([found], topic)
      assert.strictEqual(outcome._tag, tag)
      if (outcome._tag === "Stored") throw new Error("it is not stored")
      assert.strictEqual(outcome.reason._tag, reason)
      assert.strictEqual(outcome.reason.isRetryable, retryable)
    })
  }

  it("DUPLICATE_SEQUENCE_NUMBER: it is stored already", () => {
    assert.strictEqual(outcomeOf([of("DUPLICATE_SEQUENCE_NUMBER")], topic)._tag, "Stored")
  })

  it("a refusal that follows an ambiguous try stays ambiguous", () => {
    assert.strictEqual(outcomeOf([failure("lost", "x"), of("MESSAGE_TOO_LARGE")], topic)._tag, "Ambiguous")
    assert.strictEqual(outcomeOf([failure("unreachable", "x"), of("MESSAGE_TOO_LARGE")], topic)._tag, "NotStored")
  })

  it("no answer at all is ambiguous", () => {
    assert.strictEqual(outcomeOf([], topic)._tag, "Ambiguous")
  })
})

describe("what a failure means elsewhere", () => {
  it("an administrative call", () => {
    assert.strictEqual(brokerReason(of("INVALID_REPLICATION_FACTOR"), topic)._tag, "Refused")
    assert.strictEqual(brokerReason(of("MESSAGE_TOO_LARGE"), topic)._tag, "BrokerFailure")
  })

  it("a subscription", () => {
    const table: ReadonlyArray<readonly [Failure, string]> = [
      [of("GROUP_AUTHORIZATION_FAILED"), "Unauthorized"],
      [of("INCONSISTENT_GROUP_PROTOCOL"), "GroupConflict"],
      [of("UNKNOWN_TOPIC_ID"), "TopicMissing"],
      [of("OFFSET_OUT_OF_RANGE"), "BrokerFailure"],
      [of("NOT_COORDINATOR"), "ConnectionLost"],
      [failure("lost", "x"), "ConnectionLost"],
      [failure("timeout", "x"), "BrokerFailure"]
    ]
    for (const [found, tag] of table) assert.strictEqual(subscribeReason(found, topic)._tag, tag, found.message)
    assert.isFalse(subscribeReason(of("OFFSET_OUT_OF_RANGE"), topic).isRetryable)
  })
})

// --- errors of the client ---------------------------------------------------------------------------------------------

const error = (code: string, message: string, more: object = {}) => Object.assign(new Error(message), { code, ...more })
const several = (message: string, errors: ReadonlyArray<unknown>, more: object = {}) =>
  Object.assign(new AggregateError(errors, message), { code: "PLT_KFK_MULTIPLE", ...more })
const answer = (...partitions: ReadonlyArray<readonly [partition: number, errorCode: number, baseOffset: bigint]>) =>
  several("Received response with error", [error("PLT_KFK_PROTOCOL", "no", { apiId: "ANY" })], {
    response: {
      responses: [{
        name: "orders",
        partitionResponses: partitions.map(([index, errorCode, baseOffset]) => ({ index, errorCode, baseOffset }))
      }]
    }
  })
const nameOf = (code: number) => code === 10 ? "MESSAGE_TOO_LARGE" : `CODE_${code}`

describe("errors of @platformatic/kafka", () => {
  const table: ReadonlyArray<readonly [unknown, Failure["kind"]]> = [
    [error("PLT_KFK_NETWORK", "Connection closed"), "lost"],
    [error("PLT_KFK_NETWORK", "Connection error"), "lost"],
    [error("PLT_KFK_NETWORK", "Request timed out"), "timeout"],
    [error("PLT_KFK_NETWORK", "Connection to 127.0.0.1:9092 timed out."), "unreachable"],
    [
      error("PLT_KFK_NETWORK", "Connection to 127.0.0.1:9092 failed.", { cause: error("ECONNREFUSED", "refused") }),
      "unreachable"
    ],
    [
      error("PLT_KFK_NETWORK", "Connection to h:1 failed.", { cause: error("PLT_KFK_AUTHENTICATION", "no") }),
      "unauthenticated"
    ],
    [error("PLT_KFK_NETWORK", "Connection to h:1 failed.", { cause: error("SELF_SIGNED_CERT_IN_CHAIN", "no") }), "tls"],
    [error("PLT_KFK_NETWORK", "Client is closed."), "closed"],
    [error("PLT_KFK_NETWORK", "Connection pool is closed."), "closed"],
    [error("PLT_KFK_USER", "Broker requires TLS."), "tls"],
    [error("PLT_KFK_USER", "Unknown topic orders."), "protocol"],
    [error("PLT_KFK_USER", "Cannot find broker with node id 2"), "unreachable"],
    [error("PLT_KFK_USER", "/options/x must be y."), "usage"],
    [error("PLT_KFK_PROTOCOL", "no", { apiId: "NOT_CONTROLLER" }), "protocol"],
    [new TypeError("x is not a function"), "lost"],
    ["thrown text", "lost"]
  ]
  for (const [given, kind] of table) {
    it(`${given instanceof Error ? given.message : String(given)}: ${kind}`, () => {
      assert.strictEqual(failureOf(given).kind, kind)
    })
  }

  it("what is lost before a record was sent stores nothing", () => {
    const lost = error("PLT_KFK_NETWORK", "Connection closed")
    assert.strictEqual(failureOf(several("initProducerId failed 3 times.", [lost])).kind, "unreachable")
    assert.strictEqual(failureOf(several("produce failed 3 times.", [lost])).kind, "lost")
  })

  it("every error in it counts, in order", () => {
    const all = failuresOf(several("produce failed 2 times.", [
      error("PLT_KFK_NETWORK", "Connection closed"),
      error("PLT_KFK_PROTOCOL", "no", { apiId: "NOT_LEADER_OR_FOLLOWER" })
    ]))
    assert.deepStrictEqual(all.map(({ code, kind }) => code ?? kind), ["lost", "NOT_LEADER_OR_FOLLOWER"])
  })
})

describe("what a failed send came to for each partition", () => {
  it("one refused partition fails only its own", () => {
    const failed = several("Producing messages failed.", [answer([0, 0, 7n], [1, 10, -1n])])
    assert.deepStrictEqual(partitionOutcome(failed, "orders", 0, nameOf), { _tag: "Stored", baseOffset: 7n })
    const other = partitionOutcome(failed, "orders", 1, nameOf)
    assert.deepStrictEqual(
      other._tag === "Failed" ? other.failures.map(({ code }) => code) : other,
      ["MESSAGE_TOO_LARGE"]
    )
  })

  it("another leader's success is not lost", () => {
    const failed = several("Producing messages failed.", [error("PLT_KFK_NETWORK", "Connection closed")], {
      produced: { offsets: [{ topic: "orders", partition: 2, offset: 5n }] }
    })
    assert.deepStrictEqual(partitionOutcome(failed, "orders", 2, nameOf), { _tag: "Stored", baseOffset: 5n })
    assert.strictEqual(partitionOutcome(failed, "orders", 0, nameOf)._tag, "Failed")
  })

  it("stored by an early try, whatever came after", () => {
    const failed = several("Producing messages failed.", [
      several("produce failed 2 times.", [
        answer([0, 0, 3n], [1, 6, -1n]),
        error("PLT_KFK_NETWORK", "Connection closed")
      ])
    ])
    assert.deepStrictEqual(partitionOutcome(failed, "orders", 0, nameOf), { _tag: "Stored", baseOffset: 3n })
    const other = partitionOutcome(failed, "orders", 1, nameOf)
    assert.deepStrictEqual(
      other._tag === "Failed" ? other.failures.map(({ code, kind }) => code ?? kind) : other,
      ["CODE_6", "lost"]
    )
  })

  it("a topic is not blamed for another one that is missing", () => {
    const failed = error("PLT_KFK_USER", "Unknown topic invoices.")
    const own = partitionOutcome(failed, "orders", 0, nameOf)
    assert.deepStrictEqual(own._tag === "Failed" ? own.failures.map(({ kind }) => kind) : own, ["unreachable"])
    const missing = partitionOutcome(failed, "invoices", 0, nameOf)
    assert.strictEqual(missing._tag === "Failed" ? missing.failures[0]?.code : "", "UNKNOWN_TOPIC_OR_PARTITION")
  })
})
