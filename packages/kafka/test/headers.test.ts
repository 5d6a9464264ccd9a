import { assert, describe, it } from "@effect/vitest"
import { decode } from "../src/internal/headers.ts"

describe("headers", () => {
  it("are read in order, with repeated names and bytes that are no text", () => {
    const raw = [["X-Event-ID", "1"], ["a", "x"], ["a", "ü"], ["b", new Uint8Array([0xff, 0xfe])], ["a", ""]] as const
    const decoded = decode(raw.map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))
    assert.deepStrictEqual(decoded.map(([name]) => name), ["X-Event-ID", "a", "a", "b", "a"])
    assert.deepStrictEqual(decoded.map(([, value]) => typeof value === "string" ? value : [...value]), [
      "1",
      "x",
      "ü",
      [0xff, 0xfe],
      ""
    ])
  })

  it("reads null as empty text", () => {
    assert.deepStrictEqual(decode([[null, null]]), [["", ""]])
  })
})
