/**
 * @since 0.1.0
 */
import { topicEnvelope, topicEnvelopes } from "./Generators.ts"

/**
 * Valid envelopes of a topic: `Generators.topicEnvelope`.
 *
 * @category generators
 * @since 0.1.0
 */
export const arbitrary = topicEnvelope

/**
 * Lists of them, with unique event ids: `Generators.topicEnvelopes`.
 *
 * @category generators
 * @since 0.1.0
 */
export const arbitraryMany = topicEnvelopes
