import { nats } from "../../src/faults/nats/suite.ts"
import { register } from "./fixtures/register.ts"

register(nats)
