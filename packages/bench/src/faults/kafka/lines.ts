/**
 * What a member in a process of its own is told, and the lines that it writes.
 */
export interface Settings {
  readonly bootstrap: ReadonlyArray<string>
  readonly topic: string
  readonly partitions: number
  readonly group: string
  readonly member: string
  readonly handleMillis: number
  readonly concurrency: number
  readonly maxInFlight: number
  readonly drainMillis: number
  readonly publishes: boolean
  readonly sessionMillis: number
  readonly requestMillis: number
}

export type Line =
  | { readonly _tag: "Ready" }
  /** What the driver says is this member's, whenever it changes. */
  | { readonly _tag: "Assigned"; readonly partitions: ReadonlyArray<number> }
  | {
    readonly _tag: "Started"
    readonly run: number
    readonly group: string
    readonly member: string
    readonly eventId: string
    readonly aggregateId: string
    readonly attempt: number
    readonly topic: string
    readonly partition: number
    readonly offset: string
    /** The driver had said before that this partition is not the member's. */
    readonly revoked: boolean
  }
  | { readonly _tag: "Ended"; readonly run: number; readonly outcome: "done" | "interrupted" }
  | {
    readonly _tag: "Issued"
    readonly issue: number
    readonly topic: string
    readonly eventId: string
    readonly aggregateId: string
  }
  | {
    readonly _tag: "Settled"
    readonly issue: number
    readonly eventId: string
    readonly outcome: "acked" | "rejected" | "unknown" | "withdrawn"
  }
  /** The client could not say of a try whether it is stored. */
  | { readonly _tag: "Unclear"; readonly eventId: string }
  /** The program has ended, and everything that it had opened is closed. */
  | { readonly _tag: "Closed"; readonly running: number; readonly failed: boolean }
  | { readonly _tag: "Signalled"; readonly running: number }
  /** The last line of a process that was asked to end. */
  | { readonly _tag: "Exit"; readonly code: number; readonly drainMillis: number }

/** In milliseconds since 1970, with fractions: to put the lines of several processes in order. */
export type Stamped = Line & { readonly at: number }
