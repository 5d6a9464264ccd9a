/**
 * What a topic holds in the end, by the numbers in the orders themselves: nothing that a client says is believed.
 */
import type { Counts } from "../figures.ts"

interface Seen {
  count: number
  last: number
  most: number
}

const isOrder = (
  u: unknown
): u is { readonly event_id: string; readonly payload: { readonly orderId: string; readonly serial: number } } =>
  typeof u === "object" && u !== null && "event_id" in u && typeof u.event_id === "string"
  && "payload" in u && typeof u.payload === "object" && u.payload !== null
  && "orderId" in u.payload && typeof u.payload.orderId === "string"
  && "serial" in u.payload && typeof u.payload.serial === "number"

/** Orders as they are read back, in the order of the topic. */
export class Stored {
  count = 0
  orderViolations = 0
  duplicates = 0
  readonly #orders = new Map<string, Seen>()
  readonly #ids = new Set<string>()

  /** The text of a body. */
  add(body: string): void {
    const json: unknown = JSON.parse(body)
    if (!isOrder(json)) throw new Error(`no order of the bench: ${body.slice(0, 200)}`)
    this.note(json.event_id, json.payload.orderId, json.payload.serial)
  }

  note(eventId: string, orderId: string, serial: number): void {
    this.count++
    if (this.#ids.has(eventId)) {
      this.duplicates++
      return
    }
    this.#ids.add(eventId)
    const seen = this.#orders.get(orderId)
    if (seen === undefined) {
      this.#orders.set(orderId, { count: 1, last: serial, most: serial })
      return
    }
    if (serial < seen.last) this.orderViolations++
    seen.count++
    seen.last = serial
    seen.most = Math.max(seen.most, serial)
  }

  /** Serials below the highest one of their order that are not there. They begin at 0. */
  get gaps(): number {
    let gaps = 0
    for (const { count, most } of this.#orders.values()) gaps += most + 1 - count
    return gaps
  }

  counts(outcome: { readonly acked: number; readonly failed: number; readonly unknown: number }): Counts {
    const { duplicates, gaps, orderViolations } = this
    return { ...outcome, orderViolations, gaps, duplicates }
  }

  /** Why a round of so many messages is worth nothing; empty where it is sound. */
  problems(
    messages: number,
    acked: number,
    options: { readonly ordered: boolean } = { ordered: true }
  ): ReadonlyArray<string> {
    const { count, duplicates, gaps, orderViolations } = this
    return [
      acked === messages ? [] : [`${acked} of ${messages} acknowledged`],
      count === messages ? [] : [`${count} of ${messages} stored`],
      gaps === 0 ? [] : [`${gaps} lost in between`],
      duplicates === 0 ? [] : [`${duplicates} stored twice`],
      orderViolations === 0 || !options.ordered ? [] : [`${orderViolations} out of order`]
    ].flat()
  }
}
