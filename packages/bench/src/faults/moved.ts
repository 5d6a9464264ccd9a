import { Event } from "@effect-eventbus/core"
import { Schema } from "effect"

/** The event of every scenario: the `n`-th that was issued, of the aggregate `key`. */
export const Moved = Event.make("Moved", {
  version: 1,
  payload: Schema.Struct({ key: Schema.String, n: Schema.Int, text: Schema.optionalKey(Schema.String) }),
  aggregateId: ({ key }) => key
})
