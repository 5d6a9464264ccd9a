/**
 * Which record is hit by which fault, the connection that is cut, and the count of both.
 */
import type { Batch, OutboundRecord } from "../../src/Broker.ts"
import type { ConnectionListener, Disconnection, Injector, RecordFault } from "../../src/internal/memory/injector.ts"

export interface Rule {
  /** Matching records that pass first. */
  skip: number
  /** Matching records that are hit then. */
  count: number
  readonly where: ((record: OutboundRecord, batch: Batch) => boolean) | undefined
  readonly fault: RecordFault
}

export const kinds = ["reject", "dropAck", "delayAck", "repeatAck", "storeTwice", "disconnect"] as const

export type Kind = typeof kinds[number]

const kindOf = {
  Reject: "reject",
  DropAck: "dropAck",
  DelayAck: "delayAck",
  RepeatAck: "repeatAck",
  StoreTwice: "storeTwice",
  Disconnect: "disconnect"
} as const satisfies Record<RecordFault["_tag"], Kind>

export class FaultState implements Injector {
  disconnection: Disconnection | undefined = undefined
  injected: Readonly<Record<Kind, number>> = {
    reject: 0,
    dropAck: 0,
    delayAck: 0,
    repeatAck: 0,
    storeTwice: 0,
    disconnect: 0
  }
  rules: ReadonlyArray<Rule> = []
  private readonly listeners = new Set<ConnectionListener>()

  get armed(): boolean {
    return this.rules.length > 0
  }

  /** Every rule sees every record that matches it; one record is hit once, and a rule that comes too late hits the next. */
  onRecord(batch: Batch, index: number): RecordFault | undefined {
    const record = batch.records[index]!
    let hit: Rule | undefined = undefined
    for (const rule of this.rules) {
      if (rule.where !== undefined && !rule.where(record, batch)) continue
      if (rule.skip > 0) rule.skip--
      else hit ??= rule
    }
    if (hit === undefined) return undefined
    hit.count--
    if (hit.count <= 0) this.rules = this.rules.filter((rule) => rule !== hit)
    // A disconnection is counted where it is made: it may find the connection cut already.
    if (hit.fault._tag !== "Disconnect") this.count(kindOf[hit.fault._tag])
    return hit.fault
  }

  arm(rule: Rule): void {
    if (rule.count > 0) this.rules = [...this.rules, rule]
  }

  disconnect(disconnection: Disconnection): void {
    if (this.disconnection !== undefined) return
    this.disconnection = disconnection
    this.count("disconnect")
    for (const listener of this.listeners) listener.disconnected(disconnection)
  }

  reconnect(): void {
    if (this.disconnection === undefined) return
    this.disconnection = undefined
    for (const listener of this.listeners) listener.reconnected()
  }

  listen(listener: ConnectionListener): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  private count(kind: Kind): void {
    this.injected = { ...this.injected, [kind]: this.injected[kind] + 1 }
  }
}
