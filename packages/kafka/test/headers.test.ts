import { assert, describe, it } from "@effect/vitest"
import { decode, encode } from "../src/internal/headers.ts"

describe("headers", () => {
  it("round trip, in order, with repeated names and bytes that are no text", () => {
    const bytes = new Uint8Array([0xff, 0xfe])
    const headers = [["X-Event-ID", "1"], ["a", "x"], ["a", "ü"], ["b", bytes], ["a", ""]] as const
    const decoded = decode([...encode(headers)])
    assert.deepStrictEqual(decoded.map(([name]) => name), ["X-Event-ID", "a", "a", "b", "a"])
    assert.deepStrictEqual(decoded.map(([, value]) => typeof value === "string" ? value : [...value]), [
      "1",
      "x",
      "ü",
      [0xff, 0xfe],
      ""
    ])
  })

  it("shares the bytes of a name", () => {
    const [first] = encode([["X-Event-ID", "1"]]).keys()
    const [second] = encode([["X-Event-ID", "2"]]).keys()
    assert.strictEqual(first, second)
  })

  it("reads null as empty text", () => {
    assert.deepStrictEqual(decode([[null, null]]), [["", ""]])
  })
})
