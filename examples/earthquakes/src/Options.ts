/**
 * What can be said on the command line.
 */
import { Effect } from "effect"
import { CliError, Flag } from "effect/cli"
import path from "node:path"
import * as Brokers from "./Brokers.ts"

const catalogue = path.join(import.meta.dirname, "../data/earthquakes.ndjson")

/** `npm start` runs in the root of the workspace, and says where the user was. */
const userDirectory = process.env.npm_lifecycle_event === "start" ? process.env.INIT_CWD ?? "." : "."

const expectedBroker = `a broker that this example knows, by one of ${Brokers.schemes.join(", ")}`

export const flags = {
  repeat: Flag.Int("repeat").pipe(
    Flag.withDefault(1),
    Flag.filter((times) => times >= 1 && times <= 1_000_000, (times) => `a number from 1 to 1,000,000, not ${times}`),
    Flag.withMetavar("times"),
    Flag.withDescription("Publish the file so many times (default 1)")
  ),
  input: Flag.String("input").pipe(
    Flag.withDefault(catalogue),
    Flag.map((file) => path.resolve(userDirectory, file)),
    Flag.withMetavar("file"),
    Flag.withDescription("Another file of the same shape (default: a week of USGS data)")
  ),
  broker: Flag.String("broker").pipe(
    Flag.withDefault("memory:"),
    Flag.mapEffect((url) => {
      const chosen = Brokers.fromUrl(url)
      return chosen === undefined
        ? Effect.fail(
          new CliError.InvalidValue({ option: "broker", value: url, expected: expectedBroker, kind: "flag" })
        )
        : Effect.succeed({ url, ...chosen })
    }),
    Flag.withMetavar("url"),
    Flag.withDescription("The broker to run on: memory: (default), nats://host:port or kafka://host:port")
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print one JSON object on standard output, and nothing else")
  )
}

export interface Options {
  readonly repeat: number
  /** An absolute path. */
  readonly input: string
  readonly broker: Brokers.Chosen & { readonly url: string }
  readonly json: boolean
}
