/**
 * Memory of the process while something runs.
 */
import { Effect } from "effect"

const sampleMillis = 10
const megabyte = 2 ** 20

/** Memory that was in use before, and has no use now, is given back first where `--expose-gc` lets us ask for it. */
export const settleHeap: Effect.Effect<void> = Effect.gen(function*() {
  const { gc } = globalThis
  if (gc === undefined) return
  for (let i = 0; i < 3; i++) {
    gc()
    yield* Effect.sleep(50)
  }
})

/** Takes samples until `stop`, which says by how many megabytes the process has grown at most, since it had `before` bytes. */
export const startSampling = (before = process.memoryUsage.rss()): { readonly stop: () => number } => {
  let most = before
  const sample = (): void => {
    most = Math.max(most, process.memoryUsage.rss())
  }
  const timer = setInterval(sample, sampleMillis)
  return {
    stop: () => {
      clearInterval(timer)
      sample()
      return (most - before) / megabyte
    }
  }
}
