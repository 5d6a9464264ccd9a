/**
 * JetStream's own API, past the driver: what an operator would do.
 */
import { NatsBroker } from "@effect-eventbus/nats"
import { Data, Effect } from "effect"
import { observer } from "./lab.ts"

export class ApiFailed
  extends Data.TaggedError("ApiFailed")<{ readonly subject: string; readonly description: string }>
{
  override get message(): string {
    return `${this.subject}: ${this.description}`
  }
}

interface Answer {
  readonly error?: { readonly description: string }
}

/** Asks `$JS.API.<subject>`; what comes is parsed, and as trustworthy as the server. */
export const api = <A extends object = object>(servers: string, subject: string, body: object = {}) =>
  Effect.gen(function*() {
    const { use } = yield* NatsBroker.NatsBroker
    const answer = yield* use(async (connection) => {
      const message = await connection.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5000 })
      return message.json<A & Answer>()
    })
    if (answer.error !== undefined) {
      return yield* new ApiFailed({ subject, description: answer.error.description })
    }
    return answer
  }).pipe(Effect.provide(observer(servers)))

export const streamOf = (topic: string): string => topic.replaceAll(".", "_")

/** A topic's stream, with settings that the driver would not choose. */
export const makeStream = (servers: string, topic: string, settings: object) =>
  api(servers, `STREAM.CREATE.${streamOf(topic)}`, {
    name: streamOf(topic),
    subjects: [topic],
    storage: "file",
    num_replicas: 1,
    discard: "new",
    allow_direct: true,
    allow_batched: true,
    allow_atomic: true,
    duplicate_window: 120_000_000_000,
    ...settings
  })
