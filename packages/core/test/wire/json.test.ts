import type * as Headers from "@effect-eventbus/core/Headers"
import * as Wire from "@effect-eventbus/core/Wire"
import { assert, describe, it } from "@effect/vitest"
import { makeCodec } from "../../src/internal/codec.ts"
import { bytes } from "../fixtures/malformedBytes.ts"
import { Orders } from "../fixtures/orders.ts"
import { bare, encoded, full, text, traceparent } from "../fixtures/wire.ts"

describe("json", () => {
  const codec = makeCodec(Orders)

  it("body and headers with everything", () => {
    const { aggregateId, body, eventId, headers } = encoded(codec, full, traceparent)
    assert.strictEqual(eventId, "größer 1")
    assert.strictEqual(aggregateId, "o-1")
    assert.deepStrictEqual(JSON.parse(text(body)), {
      event_id: "größer 1",
      aggregate_id: "o-1",
      event_type: "OrderPlaced",
      event_version: 1,
      timestamp: "2026-01-02T03:04:05.678Z",
      trace_id: "t-1",
      correlation_id: "c-1",
      causation_id: "e-0",
      tenant_id: 7,
      payload: { orderId: "o-1", total: 10 }
    })
    assert.deepStrictEqual(headers, [
      ["X-Event-ID", "größer 1"],
      ["X-Aggregate-ID", "o-1"],
      ["X-Event-Type", "OrderPlaced"],
      ["X-Event-Version", "1"],
      ["X-Timestamp", "2026-01-02T03:04:05.678Z"],
      ["X-Trace-ID", "t-1"],
      ["X-Correlation-ID", "c-1"],
      ["X-Tenant-ID", "7"],
      ["traceparent", traceparent],
      ["x-source", "tést"]
    ])
  })

  it("headers are those of their envelope, whatever the one before had", () => {
    const other = { ...full, aggregateId: "o-2", payload: { orderId: "o-2", total: 1 }, tenantId: 8, traceId: "t-2" }
    const before = encoded(codec, full, traceparent).headers
    const between = encoded(codec, other).headers
    const copy = structuredClone(before)
    assert.deepStrictEqual(encoded(codec, full, traceparent).headers, copy)
    assert.deepStrictEqual(before, copy)
    assert.deepStrictEqual(between.filter(([name]) => /Aggregate|Tenant|Trace|traceparent/.test(name)), [
      ["X-Aggregate-ID", "o-2"],
      ["X-Trace-ID", "t-2"],
      ["X-Tenant-ID", "8"]
    ])
  })

  it("what is absent is not written", () => {
    const { body, headers } = encoded(codec, bare)
    assert.deepStrictEqual(Object.keys(JSON.parse(text(body))), [
      "event_id",
      "aggregate_id",
      "event_type",
      "event_version",
      "timestamp",
      "payload"
    ])
    assert.deepStrictEqual(headers.map(([name]) => name), [
      "X-Event-ID",
      "X-Aggregate-ID",
      "X-Event-Type",
      "X-Event-Version",
      "X-Timestamp"
    ])
  })

  it("without headers of its own, the trace and the application's remain", () => {
    const without = makeCodec({ ...Orders, wire: Wire.jsonWith({ headers: false }) })
    assert.deepStrictEqual(encoded(without, full, traceparent).headers, [["traceparent", traceparent], [
      "x-source",
      "tést"
    ]])
  })

  const foreign = {
    payload: { total: 10, orderId: "o-1", added_by: "a newer version" },
    schema: "https://example.com",
    timestamp: "2026-01-02T11:04:05.678901234+08:00",
    event_version: 1,
    event_type: "OrderPlaced",
    aggregate_id: "o-1",
    event_id: "e-1"
  }
  const decodeJson = (value: unknown, headers: Headers.Headers = []) =>
    codec.decode({ body: bytes(JSON.stringify(value)), headers, key: undefined })

  it("another writer's envelope: other order, unknown keys, nanoseconds and offset, no headers", () => {
    assert.deepStrictEqual<unknown>(decodeJson(foreign), { _tag: "Decoded", envelope: bare })
  })

  it("an optional key may be null or empty", () => {
    const nothing = { trace_id: null, correlation_id: "", causation_id: null, tenant_id: null }
    assert.deepStrictEqual<unknown>(decodeJson({ ...foreign, ...nothing }), { _tag: "Decoded", envelope: bare })
  })

  it("the body is the truth, whatever the headers say", () => {
    const headers: Headers.Headers = [["X-Event-ID", "other"], ["X-Event-Type", "OrderShipped"], ["X-Tenant-ID", "x"]]
    assert.deepStrictEqual<unknown>(decodeJson(foreign, headers), { _tag: "Decoded", envelope: bare })
  })

  it("an event that the topic does not have", () => {
    assert.deepStrictEqual<unknown>(decodeJson({ ...foreign, event_type: "OrderCancelled" }), {
      _tag: "UnknownType",
      eventId: "e-1",
      aggregateId: "o-1",
      type: "OrderCancelled"
    })
  })
})
