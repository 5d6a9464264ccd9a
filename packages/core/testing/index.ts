/**
 * What tests need: generators of valid envelopes, faults for the memory broker, and the laws that every broker has to
 * pass.
 *
 * @since 0.1.0
 */
export * as Checker from "./Checker.ts"
export * as Event from "./Event.ts"
export * as Faults from "./Faults.ts"
export * as Generators from "./Generators.ts"
export * as History from "./History.ts"
export * as Lab from "./Lab.ts"
export * as Law from "./Law.ts"
export * as Laws from "./Laws.ts"
export * as Model from "./Model.ts"
export * as ReadBack from "./ReadBack.ts"
export * as Subject from "./Subject.ts"
export * as Topic from "./Topic.ts"
