import { NatsSubject } from "@effect-eventbus/nats"
import { describe, expect, test } from "vitest"

describe("names", () => {
  test("one partition has the topic's own subject, several have tokens", () => {
    expect(NatsSubject.subjects("orders", 1)).toEqual(["orders"])
    expect(NatsSubject.subjects("a.b", 3)).toEqual(["a.b.0", "a.b.1", "a.b.2"])
  })

  test("streams have no dots", () => {
    expect(NatsSubject.stream("eu.orders.v1")).toBe("eu_orders_v1")
  })

  test("a consumer for each partition", () => {
    expect(NatsSubject.consumer("billing", 1, 0)).toBe("billing")
    expect(NatsSubject.consumer("billing", 4, 3)).toBe("billing-3")
  })

  test.each(["orders", "a.b-c_d", "orders.dlq.billing", `${"x".repeat(140)}.retry.${"g".repeat(100)}`])(
    "%s is a name",
    (name) => {
      expect(NatsSubject.topicProblem(name)).toBeUndefined()
    }
  )

  test.each([
    "",
    "$JS.API.STREAM.DELETE.orders",
    "$SYS.REQ.USER.INFO",
    "_INBOX.x",
    "*",
    ">",
    "a.*",
    "a..b",
    ".a",
    "a.",
    "a b",
    "a\tb",
    "a\r\nb",
    "a\u0000b",
    "a\u00A0b",
    "orders.3",
    "x".repeat(5000)
  ])("%j never reaches the server", (name) => {
    expect(NatsSubject.topicProblem(name)).toBeDefined()
  })
})
