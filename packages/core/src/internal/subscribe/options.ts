import { Schedule } from "effect"
import type * as Broker from "../../Broker.ts"
import type { StreamOptions, SubscribeOptions, SubscriptionOptions } from "../../Subscriber.ts"
import type * as Topic from "../../Topic.ts"
import * as Checks from "../checkOptions.ts"
import type { Policy } from "./policy.ts"

/** What may be said of a subscription with handlers, or of a stream. */
export type Input =
  & SubscriptionOptions
  & Pick<SubscribeOptions<unknown>, "concurrency" | "handlerTimeout" | "onExhausted">
  & Pick<StreamOptions, "stallTimeout">

/** The same, with the defaults, checked. */
export interface Decided {
  readonly consumer: Broker.ConsumerOptions
  readonly policy: Policy
  readonly concurrency: number
  readonly dedup: { readonly windowMillis: number; readonly limit: number } | undefined
  readonly deadLetter: string | undefined
  readonly retryTopic: boolean
  readonly drainTimeoutMillis: number
  readonly stallMillis: number
}

const defaultRetry: Schedule.Schedule<unknown, unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.upTo({ times: 5 })
)

const { count, duration, positive } = Checks.make((_, message) => new RangeError(message))

/** Throws a `RangeError` for an option that makes no sense: a mistake of the program, not of its data. */
export const decide = (topic: Topic.Any, input: Input): Decided => ({
  consumer: {
    topic,
    group: input.group,
    from: input.from ?? "earliest",
    maxInFlight: count("maxInFlight", input.maxInFlight, 1024),
    maxInFlightBytes: count("maxInFlightBytes", input.maxInFlightBytes, 64 * 1024 * 1024),
    ackWaitMillis: positive("ackWait", input.ackWait, 30_000)
  },
  policy: {
    retry: input.retry ?? defaultRetry,
    onExhausted: input.onExhausted ?? "deadLetter",
    onUnknown: input.onUnknown ?? "deadLetter",
    handlerTimeoutMillis: input.handlerTimeout === undefined
      ? undefined
      : positive("handlerTimeout", input.handlerTimeout, 0)
  },
  concurrency: count("concurrency", input.concurrency, 64),
  dedup: input.dedup === undefined ? undefined : {
    windowMillis: positive("dedup.window", input.dedup.window, 0),
    limit: count("dedup.limit", input.dedup.limit, 100_000)
  },
  deadLetter: input.deadLetter,
  retryTopic: input.retryTopic ?? false,
  drainTimeoutMillis: duration("drainTimeout", input.drainTimeout, 10_000),
  stallMillis: duration("stallTimeout", input.stallTimeout, 5_000)
})
