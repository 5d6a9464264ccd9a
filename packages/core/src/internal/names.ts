/**
 * The grammar of names that both brokers accept, and that nothing can be smuggled through.
 */

const topicPattern = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/
const groupPattern = /^[A-Za-z0-9_-]{1,100}$/
const numberPattern = /^[0-9]+$/

/** In bytes; NATS closes the connection on subjects of some thousands, Kafka refuses names above 249. */
export const maxTopicBytes = 200

/** What is wrong with `value` as the name of a topic. */
export const topicNameProblem = (value: unknown): string | undefined => {
  if (typeof value !== "string") return "must be a string"
  if (value.length === 0) return "must not be empty"
  if (value.length > maxTopicBytes) return `must have at most ${maxTopicBytes} bytes`
  if (!topicPattern.test(value)) return "must be tokens of [A-Za-z0-9_-] joined by single dots"
  if (value.startsWith("_")) return "must not begin with _"
  const last = value.slice(value.lastIndexOf(".") + 1)
  return numberPattern.test(last) ? "must not end in a token that is a number: those are partitions" : undefined
}

/** What is wrong with `value` as the name of a consumer group. */
export const groupProblem = (value: unknown): string | undefined =>
  typeof value === "string" && groupPattern.test(value) ? undefined : "must be 1 to 100 characters of [A-Za-z0-9_-]"
