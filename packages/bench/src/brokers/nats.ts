import { Effect } from "effect"
import { running } from "./running.ts"

/** The servers to connect to. */
export const nats = (log?: (line: string) => void) =>
  Effect.map(running("nats", log), (url) => url.split(",").map((server) => server.trim()))
