/**
 * Memory brokers that are broken on purpose, each in one way, and the laws that have to notice.
 */
import { consuming } from "./broken/consuming.ts"
import { publishing } from "./broken/publishing.ts"
import * as tools from "./broken/tools.ts"
import { topics } from "./broken/topics.ts"

export { type Breakage, subject } from "./broken/tools.ts"

export const breakages: ReadonlyArray<tools.Breakage> = [...publishing, ...consuming, ...topics]

/** Between the broker and its clients, and changes nothing. */
export const sound: tools.Breakage = {
  name: "a sound wrapper",
  caughtBy: {},
  make: () => (inner) =>
    tools.consumers((consumer) => ({
      ...consumer,
      poll: (max) => consumer.poll(max),
      settle: (records) => consumer.settle(records)
    }))(
      tools.producers((batch) => [tools.only(batch, tools.places(batch))])(inner)
    )
}
