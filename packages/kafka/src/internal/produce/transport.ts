/**
 * What producing needs of a connection to a cluster: one request at a time is answered for, and nothing is tried again.
 */
import type { Failure } from "../failure.ts"

/** What the broker knows a producer by. */
export interface Identity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** One encoded batch. */
export interface Part {
  readonly topic: string
  readonly partition: number
  readonly batch: Buffer
}

export type Answer =
  /** `undefined` where the broker names no offset. */
  | { readonly _tag: "Stored"; readonly baseOffset: bigint | undefined }
  | { readonly _tag: "Refused"; readonly failure: Failure }

/** `"unknown"`: the topic was never looked up, or was forgotten. `"missing"`: it has no such partition. */
export type Leader = { readonly _tag: "Node"; readonly node: number } | {
  readonly _tag: "Unknown" | "Missing" | "None"
}

export interface Transport {
  /** A new identity. Rejects with an `EngineError`. */
  readonly identify: () => Promise<Identity>
  /** As last heard. */
  readonly leaderOf: (topic: string, partition: number) => Leader
  /** Asks the cluster about the topic, in any case. Rejects with an `EngineError`. */
  readonly refresh: (topic: string) => Promise<void>
  /** One request to one node; `done` is called once for each part, with what became of it. Never throws. */
  readonly send: (node: number, parts: ReadonlyArray<Part>, done: (part: Part, answer: Answer) => void) => void
  /** What is under way is answered for as lost. */
  readonly close: () => Promise<void>
}
