/**
 * Names that come to this driver past core's definitions are checked before anything is sent.
 */
import * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as Topic from "@effect-eventbus/core/Topic"
import { Effect } from "effect"

/** `<topic>.dlq.<group>` and `<topic>.retry.<group>`, which core derives, may be longer than a topic's own name. */
const derived = /^(.*)\.(?:dlq|retry)\.([A-Za-z0-9_-]{1,100})$/

/** What is wrong with `name` as the name of a topic, or `undefined`. */
export const topicProblem = (name: string): string | undefined => {
  const topic = derived.exec(name)?.[1] ?? name
  if (!Topic.isName(topic)) return `${JSON.stringify(name.slice(0, 300))} cannot be the name of a topic`
  return name.length > 249 ? "the name of the topic is longer than 249 bytes" : undefined
}

const refused = (message: string) =>
  new BrokerError.BrokerError({ reason: new BrokerError.Refused({ kind: "invalid", message }) })

/** Runs `then` only where the names can be names. */
export const checked = <A, R>(
  topic: string,
  group: string | undefined,
  then: Effect.Effect<A, BrokerError.BrokerError, R>
): Effect.Effect<A, BrokerError.BrokerError, R> => {
  const problem = topicProblem(topic)
    ?? (group === undefined || Topic.isGroup(group) ? undefined : "a group's name is [A-Za-z0-9_-]{1,100}")
  return problem === undefined ? then : Effect.fail(refused(problem))
}
