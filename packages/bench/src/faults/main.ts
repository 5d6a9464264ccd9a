/**
 * `npm run faults -- nats|kafka`.
 */
import { kafka } from "./kafka/suite.ts"
import { nats } from "./nats/suite.ts"
import { start } from "./program.ts"

start([nats, kafka])
