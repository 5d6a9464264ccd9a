/**
 * The events of the laws.
 */
import { Schema } from "effect"
import * as Event from "../../src/Event.ts"
import type * as Topic from "../../src/Topic.ts"

const payload = Schema.Struct({ key: Schema.String, n: Schema.Int, text: Schema.optionalKey(Schema.String) })
const aggregateId = ({ key }: typeof payload.Type): string => key

export const Noted = Event.make("Noted", { version: 1, payload, aggregateId })

export const Corrected = Event.make("Corrected", { version: 1, payload, aggregateId })

export type LawTopic = Topic.Topic<readonly [typeof Noted, typeof Corrected]>

export type Fact = Topic.EnvelopeOf<LawTopic>
