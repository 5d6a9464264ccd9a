import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { leaked, printed, watch } from "../testing/leaks.ts"

const secret = "hunter2-hunter2"

describe("looking for leaks", () => {
  it("finds a secret wherever an error carries it", () => {
    const inCause = new Error("no", { cause: new Error("no", { cause: { options: { password: secret } } }) })
    const hidden = Object.defineProperty(new Error("no"), "request", { value: Buffer.from(`\0${secret}\0`) })
    const encoded = new Error(`Basic ${Buffer.from(secret).toString("base64")}`)
    for (const error of [new Error(secret), inCause, hidden, encoded]) {
      assert.deepStrictEqual(leaked(printed(error), [secret]), [secret])
    }
    assert.deepStrictEqual(leaked(printed(new Error("no")), [secret]), [])
  })

  it("finds it in what is logged, printed, and in the failure itself", async () => {
    const ways = [
      Effect.logDebug(secret),
      Effect.log("x").pipe(Effect.annotateLogs("password", secret)),
      Effect.sync(() => console.warn({ password: secret })),
      Effect.sync(() => process.stderr.write(secret)),
      Effect.fail(new Error("no", { cause: secret }))
    ]
    for (const way of ways) assert.deepStrictEqual(leaked((await watch(way)).log, [secret]), [secret])
    assert.deepStrictEqual(leaked((await watch(Effect.log("nothing"))).log, [secret]), [])
  })
})
