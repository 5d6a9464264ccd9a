/**
 * The settings that are swept, everything else at its default.
 */
import type { Load } from "../load/round.ts"

export interface Setting {
  readonly label: string
  readonly isDefault: boolean
  /** Bytes of one body, about: what the number of messages is fitted to. */
  readonly bodyBytes: number
  readonly change: Partial<Pick<Load, "bus" | "partitions" | "headers" | "noteBytes">>
}

export interface SweepPlan {
  readonly knob: string
  readonly unit: string
  readonly settings: ReadonlyArray<Setting>
}

const bare = 300

const named = (count: number): string => count.toLocaleString("en-US")

const bytes = (count: number): string => count < 1000 ? `${count} B` : `${count / 1000} KB`

const settings = <A>(
  values: ReadonlyArray<A>,
  otherwise: A,
  label: (value: A) => string,
  change: (value: A) => Setting["change"]
): ReadonlyArray<Setting> =>
  values.map((value) => ({
    label: label(value),
    isDefault: value === otherwise,
    bodyBytes: bare,
    change: change(value)
  }))

export const sweeps: ReadonlyArray<SweepPlan> = [
  {
    knob: "maxPending",
    unit: "messages pending",
    settings: settings([64, 256, 1024, 4096, 8192, 20_000, 50_000], 8192, named, (maxPending) => ({
      bus: { maxPending }
    }))
  },
  {
    knob: "batchSize",
    unit: "messages in a batch, at most",
    settings: settings([1, 10, 50, 200, 1024], 1024, named, (batchSize) => ({ bus: { batchSize } }))
  },
  {
    knob: "linger",
    unit: "milliseconds",
    settings: settings([0, 1, 2, 5, 10, 20], 0, String, (linger) => ({ bus: { linger } }))
  },
  {
    knob: "partitions",
    unit: "partitions of each of five topics",
    settings: settings([1, 3, 6, 12], 3, String, (partitions) => ({ partitions }))
  },
  {
    knob: "headers",
    unit: "headers of the wire format",
    settings: settings([true, false], true, (on) => on ? "on" : "off", (headers) => ({ headers }))
  },
  {
    knob: "message size",
    unit: "bytes of payload",
    settings: [0, 1000, 3000, 10_000, 30_000, 100_000].map((noteBytes) => ({
      label: bytes(Math.max(100, noteBytes)),
      isDefault: noteBytes === 0,
      bodyBytes: bare + noteBytes,
      change: { noteBytes }
    }))
  }
]

/** So many messages, or as many as make some 40 MB. */
export const messagesOf = ({ bodyBytes }: Setting, messages: number): number =>
  Math.max(400, Math.min(messages, Math.floor(40e6 / bodyBytes)))
