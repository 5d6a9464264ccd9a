import { NatsBroker } from "@effect-eventbus/nats"
import { Context, Effect } from "effect"
import { run } from "../../../scripts/testing/hostileLaws.ts"
import { url } from "./fixtures/server.ts"

const token = Math.random().toString(36).slice(2, 8)
let names = 0

for (const publishMode of ["window", "fastIngest"] as const) {
  run(`nats, ${publishMode}`, {
    layer: () => NatsBroker.layer({ servers: url(), publishMode }),
    // The layer provides it too; the contract alone does not say so.
    sent: Effect.map(Effect.context<never>(), (context) => {
      const { connection } = Context.getUnsafe(context, NatsBroker.NatsBroker)
      const { outBytes, outMsgs } = connection.stats()
      return outMsgs + outBytes
    }),
    fresh: () => `hostile.${token}.t${++names}`
  })
}
