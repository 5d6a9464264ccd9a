import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parse } from "../../src/internal/jsonParse.ts"

const keys = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null ? Object.keys(value) : []

describe("keys with an escape", () => {
  // https://github.com/nodejs/node/issues/63785
  it.each(["\\n", "\\u0000", "\\u0041", "\\\"", "\\u00f6"])(
    "are read as they are written, whatever was read before: %s",
    (key) => {
      const poison = JSON.parse("{\"a\":1,\"\\\\\":2}")
      assert.deepStrictEqual(keys(parse(`{"a":1,"${key}":2}`)), ["a", JSON.parse(`"${key}"`)])
      assert.deepStrictEqual(keys(poison), ["a", "\\"])
    }
  )

  it.each([
    "{\"\\n\":1}",
    " { \"\\n\" : 1 , \"b\" : [ ] } ",
    "{\"\\\\\":{\"\\\"\":[{},[],[[]],\"\\\\\",\"]}\",-1.5e-3,true,false,null]},\"\":{\"a\":0}}",
    "[\n\t{\"\\u0041\"\r\n:\t\"x\"}\n]",
    "{\"a\":1,\"\\u0061\":2,\"b\":\"a\\\":\"}",
    "{\"2\":1,\"\\n\":2,\"1\":3}"
  ])("%j", (text) => {
    assert.deepStrictEqual(parse(text), JSON.parse(text))
    assert.strictEqual(JSON.stringify(parse(text)), JSON.stringify(JSON.parse(text)))
  })

  it("__proto__ stays a key", () => {
    const value = parse("{\"\\u005f_proto__\":{\"a\":1}}")
    assert.deepStrictEqual(keys(value), ["__proto__"])
    assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
  })

  it.each(["{\"\\n\":1", "{\"\\n\" 1}", "{\"\\x\":1}", "{\"\\n\":1}}", "{\"\\"])("not JSON: %j", (text) => {
    assert.throws(() => parse(text), SyntaxError)
  })
})

it("takes time in proportion to the text", () => {
  const text = JSON.stringify([...Array.from({ length: 200_000 }, () => ({ a: "b" })), "\\"])
  const start = performance.now()
  parse(text)
  assert.isBelow(performance.now() - start, 1_000)
})

it.prop("what is written is read", [Schema.Json], ([value]) => {
  for (const text of [JSON.stringify(value), JSON.stringify(value, null, "\t")]) {
    assert.strictEqual(JSON.stringify(parse(text)), JSON.stringify(value))
  }
}, { arbitrary: { runs: 500 } })

it.prop(
  "however many keys have escapes",
  [Schema.Array(Schema.Tuple([Schema.String, Schema.Json]))],
  ([entries]) => {
    const value = [
      Object.fromEntries(entries.map(([key, member]) => [`${key}\\`, member])),
      Object.fromEntries(entries)
    ]
    assert.strictEqual(JSON.stringify(parse(JSON.stringify(value))), JSON.stringify(value))
  },
  { arbitrary: { runs: 500 } }
)
