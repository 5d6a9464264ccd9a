/** The raw NATS client, beside ours. */
export { atomicBatches } from "./atomicBatches.ts"
export { corePublish } from "./corePublish.ts"
export { jsPublish } from "./jsPublish.ts"
export { libraryFastIngest } from "./libraryFastIngest.ts"
export { ownInbox } from "./ownInbox.ts"
