/**
 * Where in each partition a start position is.
 */
import type { StartPosition } from "../../Broker.ts"
import type { Topic } from "./topic.ts"

export type Resolved =
  | { readonly _tag: "Found"; readonly positions: ReadonlyArray<number> }
  | { readonly _tag: "OutOfRange"; readonly message: string }

/**
 * One offset for each of `partitions`. An explicit offset must lie between the earliest that is retained and the one
 * that the next record gets, in every partition: reading on somewhere else would skip records silently.
 */
export const resolve = (topic: Topic, position: StartPosition, partitions: ReadonlyArray<number>): Resolved => {
  const positions: Array<number> = []
  for (const partition of partitions) {
    const log = topic.logs[partition]!
    if (position === "earliest") positions.push(log.start)
    else if (position === "latest") positions.push(log.end)
    else if ("time" in position) positions.push(log.offsetAt(position.time.getTime()))
    else if (position.offset < BigInt(log.start) || position.offset > BigInt(log.end)) {
      return {
        _tag: "OutOfRange",
        message: `offset ${position.offset} is out of range: partition ${partition} of "${topic.info.name}" has `
          + `the offsets from ${log.start} to ${log.end}`
      }
    } else positions.push(Number(position.offset))
  }
  return { _tag: "Found", positions }
}
