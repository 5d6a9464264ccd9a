/**
 * Where a group reads from.
 */
import type { StartPosition } from "@effect-eventbus/core/Broker"
import { Effect } from "effect"
import { ask, isPermanent } from "./ask.ts"
import type { Admin, Membership, Offsets } from "./engine.ts"
import { type Failure, protocolFailure } from "./failure.ts"

/** A position in every partition, or what is wrong with it. */
export const resolve = Effect.fnUntraced(function*(
  admin: Admin,
  topic: string,
  position: StartPosition
): Effect.fn.Return<Offsets, Failure> {
  if (position === "earliest" || position === "latest") return yield* ask(() => admin.offsets(topic, position))
  if ("time" in position) {
    const time = position.time.getTime()
    return yield* ask(() => admin.offsets(topic, { time }))
  }
  const [first, end] = yield* Effect.all([
    ask(() => admin.offsets(topic, "earliest")),
    ask(() => admin.offsets(topic, "latest"))
  ])
  const { offset } = position
  for (const [partition, last] of end) {
    const begin = first.get(partition) ?? 0n
    if (offset < begin || offset > last) {
      return yield* Effect.fail(protocolFailure(
        "OFFSET_OUT_OF_RANGE",
        `offset ${offset} is not in partition ${partition} of "${topic}", which has ${begin} to ${last}`
      ))
    }
  }
  return new Map([...end.keys()].map((partition) => [partition, offset]))
})

export interface Where {
  readonly admin: Admin
  readonly membership: Membership | undefined
  readonly group: string
  readonly topic: string
  readonly partitions: ReadonlyArray<number>
  /** Where the partitions begin of which the group has committed nothing, if it is new. */
  readonly start: Offsets
}

/** Where the group is in each; what it has no position for gets one, committed at once. */
const once = Effect.fnUntraced(function*(
  { admin, group, membership, partitions, start, topic }: Where
): Effect.fn.Return<Offsets, Failure> {
  const count = Math.max(0, ...partitions.map((partition) => partition + 1))
  const committed = new Map(yield* ask(() => admin.committed(group, topic, count)))
  const missing = partitions.filter((partition) => !committed.has(partition))
  if (missing.length === 0) return committed
  // A partition that was found later starts at its earliest record.
  const earliest = missing.every((partition) => start.has(partition))
    ? new Map<number, bigint>()
    : yield* ask(() => admin.offsets(topic, "earliest"))
  const begin = new Map(
    missing.map((partition) => [partition, start.get(partition) ?? earliest.get(partition) ?? 0n] as const)
  )
  if (membership !== undefined) yield* ask(() => membership.commit(begin))
  for (const [partition, offset] of begin) committed.set(partition, offset)
  return committed
})

/** Asks until it is known, or `isVoid`: then nobody wants to know any more. */
export const positionsOf = (
  where: Where,
  isVoid: () => boolean,
  pauseMillis: number
): Effect.Effect<Offsets, Failure> => {
  if (where.partitions.length === 0) return Effect.succeed(new Map())
  const again = (found: Failure): Effect.Effect<Offsets, Failure> => {
    if (isPermanent(found)) return Effect.fail(found)
    if (isVoid()) return Effect.succeed(new Map())
    return Effect.flatMap(Effect.sleep(pauseMillis), () => once(where).pipe(Effect.catch(again)))
  }
  return once(where).pipe(Effect.catch(again))
}
