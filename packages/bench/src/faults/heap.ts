/**
 * What is alive, in bytes.
 */
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

/** Several times: what a finalizer lets go of is collected only in the next one. */
export const collect = Effect.gen(function*() {
  for (let i = 0; i < 3; i++) {
    gc()
    yield* Effect.sleep(50)
  }
})

export const heapUsed = Effect.map(collect, () => process.memoryUsage().heapUsed)
