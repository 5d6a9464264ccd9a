import { describe, expect, test } from "vitest"
import * as AckSubject from "../src/internal/ackSubject.ts"
import { decodeRecord, encodeRecord as encodeBlock, messageId, statusOf } from "../src/internal/headers.ts"
import * as PubAck from "../src/internal/pubAck.ts"

const record = (changes: object = {}) => ({
  eventId: "e-1",
  key: "k",
  partition: 0,
  headers: [["X-Event-ID", "e-1"], ["x", "ä"], ["X", "second"]] as ReadonlyArray<
    readonly [string, string | Uint8Array]
  >,
  body: new Uint8Array(0),
  size: 0,
  ...changes
})

const encodeRecord = (...args: Parameters<typeof encodeBlock>): Uint8Array => {
  const block = encodeBlock(...args)
  return typeof block === "string" ? Buffer.from(block) : block
}

describe("headers", () => {
  test("come back as they were, with the key, without what is ours", () => {
    const block = encodeRecord("orders", record(), "")
    expect(Buffer.from(block).toString()).toContain("\r\nNats-Msg-Id: orders/e-1\r\n")
    expect(decodeRecord(block)).toEqual({ headers: record().headers, key: "k", pin: undefined })
  })

  test("tell the key once", () => {
    const block = encodeRecord("orders", record({ headers: [["X-Aggregate-ID", "k"]] }), "")
    expect(Buffer.from(block).toString()).not.toContain("X-EventBus-Key")
    expect(decodeRecord(block).key).toBe("k")
  })

  test("come back the same whether or not there is more than ASCII", () => {
    const lines =
      "NATS/1.0\r\nA:  b c  \r\nnats-x: 1\r\nX-AGGREGATE-id: k\r\nEmpty:\r\nno colon\r\nNats-Pin-Id: p\r\na: 2\r\n"
    const headers = [["A", "b c"], ["X-AGGREGATE-id", "k"], ["Empty", ""], ["a", "2"]]
    expect(decodeRecord(Buffer.from(`${lines}\r\n`))).toEqual({ headers, key: "k", pin: "p" })
    expect(decodeRecord(Buffer.from(`${lines}z: ä\r\n\r\n`))).toEqual({
      headers: [...headers, ["z", "ä"]],
      key: "k",
      pin: "p"
    })
  })

  test("a value of the block before is taken again only where it is the same", () => {
    const values = ["a", "ab", "a", "", "b", "ab", "ab", "a b", "a"]
    for (const [i, value] of values.entries()) {
      const headers = [["type", value], ["type", values[values.length - 1 - i]]]
      const block = Buffer.from(`NATS/1.0\r\n${headers.map(([name, text]) => `${name}: ${text}\r\n`).join("")}\r\n`)
      expect(decodeRecord(block).headers).toEqual(headers)
    }
  })

  test("are the beginning of a message, of which nothing else is read", () => {
    for (const body of ["x: y\r\n\r\n", "ä: ö\r\n\r\n"]) {
      const block = Buffer.from("NATS/1.0\r\na: b\r\n\r\n")
      const { headers } = decodeRecord(Buffer.concat([block, Buffer.from(body)]), block.length)
      expect(headers).toEqual([["a", "b"]])
    }
  })

  test("our own key goes before an aggregate id, and only it is taken off", () => {
    const block = Buffer.from("NATS/1.0\r\nX-Aggregate-ID: a\r\nX-EventBus-Key: k\r\nX-EventBus-Key: other\r\n\r\n")
    expect(decodeRecord(block)).toEqual({
      headers: [["X-Aggregate-ID", "a"], ["X-EventBus-Key", "other"]],
      key: "k",
      pin: undefined
    })
  })

  test("carry bytes that are no text", () => {
    const bytes = Uint8Array.of(0xff, 0xfe, 0x41)
    expect(decodeRecord(encodeRecord("orders", record({ headers: [["b", bytes]] }), "")).headers).toEqual([[
      "b",
      bytes
    ]])
  })

  test("a status line", () => {
    expect(statusOf(Buffer.from("NATS/1.0 503\r\n\r\n"))).toEqual({ code: 503, description: "" })
    expect(statusOf(Buffer.from("NATS/1.0 409 Consumer Deleted\r\n\r\n"))).toEqual({
      code: 409,
      description: "Consumer Deleted"
    })
    expect(statusOf(Buffer.from("NATS/1.0\r\na: b\r\n\r\n")).code).toBe(0)
  })

  test("an event id cannot end its header", () => {
    expect(messageId("t", "a\r\nNats-Rollup: all")).toMatch(/^t\/utf8:[A-Za-z0-9_-]+$/)
    expect(messageId("t", "a")).not.toBe(messageId("u", "a"))
  })
})

describe("acknowledgements", () => {
  const read = (text: string, header?: Uint8Array) => PubAck.read({ data: Buffer.from(text), header })

  test.each([
    ["{\"stream\":\"s\",\"seq\":7}", { _tag: "Ack", sequence: 7, duplicate: false, count: undefined }],
    ["{\"stream\":\"s\",\"seq\":7,\"duplicate\":true}", {
      _tag: "Ack",
      sequence: 7,
      duplicate: true,
      count: undefined
    }],
    ["{\"stream\":\"s\",\"seq\":7,\"batch\":\"b\",\"count\":3}", {
      _tag: "Ack",
      sequence: 7,
      duplicate: false,
      count: 3
    }],
    ["{\"type\":\"ack\",\"seq\":500,\"msgs\":500}", { _tag: "Flow", sequence: 500, every: 500 }],
    ["{\"type\":\"gap\",\"last_seq\":4,\"seq\":9}", { _tag: "Gap", expected: 4, sequence: 9 }],
    ["not json", { _tag: "Unreadable", text: "not json" }],
    ["7", { _tag: "Unreadable", text: "7" }]
  ])("%s", (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  test("a refusal", () => {
    const error = { code: 400, err_code: 10054, description: "x" }
    const parsed = { code: 400, errCode: 10054, description: "x" }
    expect(read(JSON.stringify({ error, stream: "s" }))).toEqual({ _tag: "Error", error: parsed })
    expect(read(JSON.stringify({ type: "err", seq: 3, error }))).toEqual({
      _tag: "FlowError",
      sequence: 3,
      error: parsed
    })
  })

  test("nobody there", () => {
    expect(read("", Buffer.from("NATS/1.0 503\r\n\r\n"))).toEqual({ _tag: "NoResponders" })
  })
})

describe("what a delivery's reply subject says", () => {
  const expected = { attempt: 2, sequence: 17, timestamp: 1_700_000_000_123 }

  test("in its old form", () => {
    expect(AckSubject.parse(Buffer.from("$JS.ACK.orders.billing.2.17.9.1700000000123456789.4"))).toEqual(expected)
  })

  test("with a domain", () => {
    expect(AckSubject.parse(Buffer.from("$JS.ACK.hub.AbC.orders.billing.2.17.9.1700000000123456789.4.token"))).toEqual(
      expected
    )
  })

  test("nothing, where it is something else", () => {
    expect(AckSubject.parse(Buffer.from("_INBOX.x"))).toBeUndefined()
    expect(AckSubject.parse(Buffer.from("$JS.ACK.orders.billing.2.17.9"))).toBeUndefined()
    expect(AckSubject.parse(Buffer.from("$JS.ACK.orders.billing.x.17.9.1700000000123456789.4"))).toBeUndefined()
  })
})

describe("plain acknowledgements", () => {
  const message = (text: string) => ({ data: Buffer.from(text), header: undefined })
  const ack = (sequence: number | string, stream = "orders") => message(`{"stream":"${stream}","seq":${sequence}}`)

  test("are recognised once one was read", () => {
    const plain = new PubAck.Plain()
    expect(plain.sequence(ack(1))).toBeUndefined()
    plain.learn(ack(1))
    expect(plain.sequence(ack(2))).toBe(2)
    expect(plain.sequence(ack(1_234_567_890_123))).toBe(1_234_567_890_123)
  })

  test("are those of the same stream that say nothing else", () => {
    const plain = new PubAck.Plain()
    plain.learn(ack(1))
    for (
      const other of [
        ack(2, "others"),
        ack("2,\"duplicate\": true"),
        ack("2,\"domain\":\"hub\""),
        ack(""),
        ack("-2"),
        ack("2.5"),
        ack("2e3"),
        ack("99999999999999999999"),
        message("{\"stream\":\"orders\",\"seq\":2"),
        message("{\"error\":{\"code\":400,\"err_code\":10077}}"),
        message("")
      ]
    ) expect(plain.sequence(other)).toBeUndefined()
  })

  test("what is not plain teaches nothing", () => {
    const plain = new PubAck.Plain()
    plain.learn(ack("1,\"duplicate\":true"))
    plain.learn(message("{\"type\":\"ack\",\"seq\":1}"))
    expect(plain.sequence(ack(2))).toBeUndefined()
    expect(plain.sequence(ack("2,\"duplicate\":true"))).toBeUndefined()
  })
})
