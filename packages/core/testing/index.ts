/**
 * What tests need: generators of valid envelopes.
 *
 * @since 0.1.0
 */
export * as Event from "./Event.ts"
export * as Generators from "./Generators.ts"
export * as Topic from "./Topic.ts"
