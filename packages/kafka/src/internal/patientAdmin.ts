/**
 * Administration that does not fail for what passes by itself: a connection that was lost since it was last used, a
 * coordinator that is elected or is loading, an answer that did not come. Such a request is asked again; each of them can
 * be, because it asks, or says what shall be rather than what shall change.
 */
import { type Admin, EngineError } from "./engine.ts"
import type { Failure } from "./failure.ts"

/** Answers of a broker that is not the right one at the moment, or not ready. */
const passing = new Set([
  "COORDINATOR_NOT_AVAILABLE",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "NOT_COORDINATOR",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "NOT_CONTROLLER",
  "NETWORK_EXCEPTION",
  "REQUEST_TIMED_OUT"
])

/** Whether asking again can help. */
export const passes = ({ code, kind }: Failure): boolean =>
  kind === "protocol" ? code !== undefined && passing.has(code) : ["lost", "unreachable", "timeout"].includes(kind)

/** For how many request timeouts a request is asked again. */
export const patienceInRequests = 3

export interface Patience {
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly sleep: (millis: number) => Promise<void>
  /** After this no request is asked again. */
  readonly withinMillis: number
  readonly pauseMillis: number
}

const again = async <A>(ask: () => Promise<A>, { now, pauseMillis, sleep, withinMillis }: Patience): Promise<A> => {
  const end = now() + withinMillis
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof EngineError) || !passes(error.failure) || now() + pauseMillis >= end) throw error
    }
    await sleep(pauseMillis)
  }
}

/**
 * `ping` is not asked again: health is about the connection as it is. Nor is `grow`. To create twice is a conflict, which
 * means that the topic is there.
 */
export const patient = (admin: Admin, patience: Patience): Admin => ({
  ping: admin.ping,
  create: (topic, options) => again(() => admin.create(topic, options), patience),
  grow: admin.grow,
  close: admin.close,
  maxMessageBytes: () => again(() => admin.maxMessageBytes(), patience),
  describe: (topic) => again(() => admin.describe(topic), patience),
  alter: (topic, config) => again(() => admin.alter(topic, config), patience),
  offsets: (topic, at) => again(() => admin.offsets(topic, at), patience),
  committed: (group, topic, partitions) => again(() => admin.committed(group, topic, partitions), patience),
  commit: (group, topic, offsets) => again(() => admin.commit(group, topic, offsets), patience),
  timestampAt: (topic, partition, offset) => again(() => admin.timestampAt(topic, partition, offset), patience)
})
