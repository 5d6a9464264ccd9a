import { kafka } from "../../src/faults/kafka/suite.ts"
import { register } from "./fixtures/register.ts"

register(kafka)
