import { assert, describe, it } from "vitest"
import { outcomeOf } from "../src/internal/classify.ts"
import { failureOf } from "../src/internal/kafkajs/errors.ts"

const answer = (type: string) => ({ name: "KafkaJSProtocolError", type, message: "as the broker says" })

describe("errors of kafkajs", () => {
  it.each([
    ["GROUP_LOAD_IN_PROGRESS", "COORDINATOR_LOAD_IN_PROGRESS"],
    ["GROUP_COORDINATOR_NOT_AVAILABLE", "COORDINATOR_NOT_AVAILABLE"],
    ["NOT_COORDINATOR_FOR_GROUP", "NOT_COORDINATOR"],
    ["NOT_LEADER_FOR_PARTITION", "NOT_LEADER_OR_FOLLOWER"],
    ["TOPIC_ALREADY_EXISTS", "TOPIC_ALREADY_EXISTS"]
  ])("%s is %s", (type, code) => {
    assert.strictEqual(failureOf(answer(type)).code, code)
  })

  it("a leader that has moved is no reason to give an event up", () => {
    const outcome = outcomeOf([failureOf(answer("NOT_LEADER_FOR_PARTITION"))], { topic: "t" })
    assert.isTrue(outcome._tag === "Ambiguous" && outcome.reason.isRetryable)
  })
})
