import { Effect } from "effect"
import { running } from "./running.ts"

/** The bootstrap brokers, `host:port` each. */
export const kafka = (log?: (line: string) => void) =>
  Effect.map(running("kafka", log), (url) => url.replace(/^kafka:\/\//, "").split(",").map((broker) => broker.trim()))
