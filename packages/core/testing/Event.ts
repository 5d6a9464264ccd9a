/**
 * @since 0.1.0
 */
import { envelope } from "./Generators.ts"

/**
 * Valid envelopes of an event: `Generators.envelope`.
 *
 * @category generators
 * @since 0.1.0
 */
export const arbitrary = envelope
