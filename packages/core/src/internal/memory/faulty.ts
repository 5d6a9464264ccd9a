/**
 * Storing a batch while faults are armed: the same rules as without, with the injector asked before each record.
 */
import type { Batch, Outcome } from "../../Broker.ts"
import type { Connection } from "./connection.ts"
import type { Disconnection, Injector, RecordFault } from "./injector.ts"
import * as Outcomes from "./outcome.ts"
import type { PendingAcks } from "./pendingAcks.ts"
import { storeOne, storePrefix } from "./store.ts"
import type { Topic } from "./topic.ts"

export interface FaultyResult {
  /** The first record from which on nothing is stored nor answered yet; `records.length` when the batch is done with. */
  readonly gapFrom: number
  /** Something of the batch was not stored. */
  readonly broken: boolean
  readonly disconnection: Disconnection | undefined
}

interface Context {
  readonly connection: Connection
  readonly injector: Injector
  readonly topic: Topic
  readonly ordered: boolean
  readonly wall: number
  readonly pending: PendingAcks
  readonly ackTimeoutMillis: number
}

export const injectedReason = "an injected fault broke the connection"

const lost = Outcomes.ambiguous(Outcomes.notConnected(injectedReason))

export const storeUnderFaults = (context: Context, batch: Batch): FaultyResult =>
  batch.atomic ? storeAtomic(context, batch) : storeEach(context, batch)

const storeEach = (context: Context, batch: Batch): FaultyResult => {
  const { injector, ordered, topic, wall } = context
  const { records } = batch
  let broken = false
  for (let i = 0; i < records.length; i++) {
    const fault = injector.onRecord(batch, i)
    if (fault?._tag === "Disconnect") {
      let left = fault.stored
      for (let j = i; j < records.length; j++) {
        if (left <= 0) broken = true
        else if (storeOne(topic, records[j]!, wall)._tag === "NotStored") {
          broken = true
          if (ordered) left = 0
        }
        left--
      }
      batch.settleAll(lost, i)
      return { gapFrom: records.length, broken, disconnection: disconnection(fault.millis, left) }
    }
    const outcome = fault?._tag === "Reject" ? Outcomes.notStored(fault.reason) : storeOne(topic, records[i]!, wall)
    answer(context, batch, i, outcome, fault)
    if (outcome._tag === "NotStored") {
      broken = true
      if (ordered) return { gapFrom: i + 1, broken, disconnection: undefined }
    }
  }
  return { gapFrom: records.length, broken, disconnection: undefined }
}

const storeAtomic = (context: Context, batch: Batch): FaultyResult => {
  const { injector, ordered, topic, wall } = context
  const { records } = batch
  const done = { gapFrom: records.length, broken: false, disconnection: undefined }
  let fault: RecordFault | undefined = undefined
  for (let i = 0; i < records.length && fault === undefined; i++) fault = injector.onRecord(batch, i)
  if (fault?._tag === "Reject") {
    batch.settleAll(Outcomes.notStored(fault.reason))
    return { ...done, broken: true }
  }
  if (fault?._tag === "Disconnect") {
    const limit = fault.stored > 0 ? records.length : 0
    const broken = !storePrefix(topic, batch, limit, ordered, wall)
    batch.settleAll(lost)
    return { ...done, broken, disconnection: disconnection(fault.millis, fault.stored - records.length) }
  }
  const outcomes = records.map((record) => storeOne(topic, record, wall))
  outcomes.forEach((outcome, i) => answer(context, batch, i, outcome, fault))
  return done
}

const disconnection = (millis: number | undefined, left: number): Disconnection => ({
  reason: injectedReason,
  stored: Math.max(0, left),
  millis
})

const answer = (
  { ackTimeoutMillis, connection, pending, topic, wall }: Context,
  batch: Batch,
  index: number,
  outcome: Outcome,
  fault: RecordFault | undefined
): void => {
  if (outcome._tag === "Stored" && fault !== undefined) {
    if (fault._tag === "DropAck") {
      const timedOut = Outcomes.ambiguous(Outcomes.timedOut(ackTimeoutMillis))
      return pending.later(batch, index, timedOut, ackTimeoutMillis)
    }
    if (fault._tag === "DelayAck") return pending.later(batch, index, outcome, fault.millis)
    if (fault._tag === "StoreTwice") topic.store(batch.records[index]!, wall, true)
    if (fault._tag === "RepeatAck") batch.settle(index, outcome)
  }
  if (outcome._tag === "Stored") connection.lastAckAt = wall
  batch.settle(index, outcome)
}
