/**
 * Which aggregate, topic and place in its aggregate the n-th message of a load has.
 */
export const topicCount = 5

/** A tenth of the messages, at least 50 and at most 1,000. */
export const aggregatesOf = (messages: number): number => Math.min(1000, Math.max(50, Math.floor(messages / 10)))

export interface Shape {
  readonly messages: number
  readonly aggregates: number
}

export const shapeOf = (messages: number): Shape => ({ messages, aggregates: aggregatesOf(messages) })

/** Aggregates take turns. */
export const aggregateOf = ({ aggregates }: Shape, index: number): number => index % aggregates

export const topicOf = (aggregate: number): number => aggregate % topicCount

/** The place of a message among those of its aggregate, from 0. */
export const serialOf = ({ aggregates }: Shape, index: number): number => Math.floor(index / aggregates)

/** How many messages an aggregate has. */
export const lengthOf = ({ aggregates, messages }: Shape, aggregate: number): number =>
  Math.floor(messages / aggregates) + (aggregate < messages % aggregates ? 1 : 0)

export const indexOf = ({ aggregates }: Shape, aggregate: number, serial: number): number =>
  serial * aggregates + aggregate
