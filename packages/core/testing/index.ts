/**
 * What tests need: generators of valid envelopes, and faults for the memory broker.
 *
 * @since 0.1.0
 */
export * as Event from "./Event.ts"
export * as Faults from "./Faults.ts"
export * as Generators from "./Generators.ts"
export * as Topic from "./Topic.ts"
