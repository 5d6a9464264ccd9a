/**
 * Whether the events of an aggregate arrive in the order in which they were published.
 */
export class Order {
  readonly #last = new Map<string, number>()
  #violations = 0

  get violations(): number {
    return this.#violations
  }

  /** Call it for the first handling of an event: `position` is the publisher's count. */
  observe(aggregateId: string, position: number): void {
    const last = this.#last.get(aggregateId)
    if (last !== undefined && position <= last) this.#violations++
    else this.#last.set(aggregateId, position)
  }
}
