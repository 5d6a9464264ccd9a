import * as Event from "@effect-eventbus/core/Event"
import * as Topic from "@effect-eventbus/core/Topic"
import * as Wire from "@effect-eventbus/core/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { OrderPlaced, Orders, OrderShipped } from "./fixtures/orders.ts"

const invalidField = (f: () => unknown): unknown => {
  try {
    return f()
  } catch (error) {
    return error instanceof Topic.InvalidTopic ? error.field : error
  }
}

const events = [OrderPlaced]

describe("make", () => {
  it("has defaults", () => {
    const { wire, ...rest } = Topic.make("orders", { events })
    assert.strictEqual(wire, Wire.json)
    assert.deepInclude(rest, {
      name: "orders",
      events,
      storage: "file",
      partitions: 1,
      replicas: 1,
      retention: {},
      order: "aggregate",
      dedupeWindowMillis: 120_000
    })
  })

  it("takes options", () => {
    const wire = Wire.cloudEvents({ source: "/orders" })
    const topic = Topic.make("a.b", {
      events: [OrderPlaced, OrderShipped],
      storage: "memory",
      partitions: 12,
      replicas: 3,
      retention: "7 days",
      order: "none",
      wire,
      dedupeWindow: "10 seconds"
    })
    assert.deepInclude(topic, {
      name: "a.b",
      storage: "memory",
      partitions: 12,
      replicas: 3,
      retention: { ageMillis: 604_800_000 },
      order: "none",
      wire,
      dedupeWindowMillis: 10_000
    })
  })

  it.each(
    [
      [5000, { ageMillis: 5000 }],
      ["1 hour", { ageMillis: 3_600_000 }],
      [Duration.seconds(1), { ageMillis: 1000 }],
      [{ hours: 1 }, { ageMillis: 3_600_000 }],
      [{ age: "1 second" }, { ageMillis: 1000 }],
      [{ age: { days: 1 }, count: 10, bytes: 1000 }, { ageMillis: 86_400_000, count: 10, bytes: 1000 }],
      [{ count: 10 }, { count: 10 }],
      [{ bytes: 10, age: undefined }, { bytes: 10 }]
    ] as const
  )("retention %j", (retention, expected) => {
    assert.deepStrictEqual<unknown>(Topic.make("orders", { events, retention }).retention, expected)
  })

  it.each(
    [
      ["partitions", { partitions: 0 }],
      ["partitions", { partitions: 1.5 }],
      ["partitions", { partitions: Number.NaN }],
      ["partitions", { partitions: 10_001 }],
      ["replicas", { replicas: 0 }],
      ["replicas", { replicas: -1 }],
      ["retention", { retention: 0 }],
      ["retention", { retention: "Infinity" }],
      ["retention.age", { retention: { age: 0 } }],
      ["retention.count", { retention: { count: 0 } }],
      ["retention.bytes", { retention: { bytes: 0.5 } }],
      ["dedupeWindow", { dedupeWindow: 0 }],
      ["dedupeWindow", { dedupeWindow: Duration.infinity }]
    ] as const
  )("refuses %s: %j", (field, options) => {
    assert.strictEqual(invalidField(() => Topic.make("orders", { events, ...options })), field)
  })

  it("refuses what the types refuse too", () => {
    // @ts-expect-error what a program without types may pass
    assert.strictEqual(invalidField(() => Topic.make("orders", { events, storage: "disk" })), "storage")
    // @ts-expect-error what a program without types may pass
    assert.strictEqual(invalidField(() => Topic.make("orders", { events, order: "total" })), "order")
    // @ts-expect-error what a program without types may pass
    assert.strictEqual(invalidField(() => Topic.make("orders", { events, retention: "a while" })), "retention")
    // @ts-expect-error what a program without types may pass
    assert.strictEqual(invalidField(() => Topic.make(7, { events })), "name")
  })

  it("refuses no events, and the same type twice", () => {
    assert.strictEqual(invalidField(() => Topic.make("orders", { events: [] })), "events")
    const again = Event.make("OrderPlaced", { version: 2, payload: Schema.Struct({}), aggregateId: () => "a" })
    assert.strictEqual(invalidField(() => Topic.make("orders", { events: [OrderPlaced, again] })), "events")
  })

  it("says what is wrong", () => {
    const error = new Topic.InvalidTopic({ topic: "a b", field: "name", reason: "must not" })
    assert.strictEqual(error.message, "topic \"a b\": name must not")
  })
})

describe("names", () => {
  it.each(["orders", "Orders", "orders.eu-west_1", "a", "0a", "-", "1.a", "v1.orders2", "a.b.c.d", "constructor"])(
    "%s",
    (name) => {
      assert.isTrue(Topic.isName(name))
      assert.strictEqual(Topic.make(name, { events }).name, name)
    }
  )

  it("200 bytes", () => assert.isTrue(Topic.isName("x".repeat(200))))

  it.each([
    "",
    " ",
    "a b",
    "a.",
    ".a",
    "a..b",
    "..",
    "*",
    "a.*",
    ">",
    "a.>",
    "a*b",
    "a/b",
    "a:b",
    "a\r\nPUB x",
    "a\n",
    "a\u0000",
    "a\u00a0b",
    "größe",
    "１",
    "$JS.API.STREAM.DELETE.X",
    "$SYS",
    "_INBOX",
    "__consumer_offsets",
    "__proto__",
    "1",
    "orders.1",
    "orders.007",
    "x".repeat(201),
    "a.".repeat(5000) + "a"
  ].map((name) => [name.length > 50 ? `${name.length} characters` : JSON.stringify(name), name] as const))(
    "not %s",
    (_, name) => {
      assert.isFalse(Topic.isName(name))
      assert.strictEqual(invalidField(() => Topic.make(name, { events })), "name")
    }
  )

  it.each(["billing", "b-1_X", "1", "x".repeat(100)])("group %s", (group) => {
    assert.isTrue(Topic.isGroup(group))
    assert.strictEqual(Topic.deadLetterName("orders", group), `orders.dlq.${group}`)
    assert.strictEqual(Topic.retryName("orders", group), `orders.retry.${group}`)
  })

  it.each(["", "a.b", "a b", "*", ">", "a\n", "größe", "x".repeat(101), undefined, 1])("not a group: %j", (group) => {
    assert.isFalse(Topic.isGroup(group))
    // @ts-expect-error what a program without types may pass
    assert.strictEqual(invalidField(() => Topic.deadLetterName("orders", group)), "group")
  })

  it("derived names keep Kafka's limit", () => {
    assert.strictEqual(Topic.deadLetterName("x".repeat(144), "g".repeat(100)).length, 249)
    assert.strictEqual(invalidField(() => Topic.deadLetterName("x".repeat(145), "g".repeat(100))), "group")
  })

  it("names that meet at a broker", () => {
    assert.isTrue(Topic.collide("a.b", "a_b"))
    assert.isFalse(Topic.collide("a.b", "a.b"))
    assert.isFalse(Topic.collide("a.b", "a-b"))
  })
})

it("isTopic", () => {
  assert.isTrue(Topic.isTopic(Orders))
  assert.isTrue(Topic.isTopic({ ...Orders, name: "other" }))
  for (const other of [undefined, null, "orders", {}, OrderPlaced]) assert.isFalse(Topic.isTopic(other))
})
