/** Counts what is handled, and whether each aggregate's events come in order, once. */
export class Tally {
  handled = 0
  violations = 0
  readonly #last = new Map<string, number>()

  note(orderId: string, serial: number): void {
    if (serial !== (this.#last.get(orderId) ?? -1) + 1) this.violations++
    this.#last.set(orderId, serial)
    this.handled++
  }
}

const decoder = new TextDecoder()

/** A body as a program without the bus would read it: parsed, and neither checked nor made into anything. */
export const noteBody = (tally: Tally) => (body: Uint8Array): void => {
  const { payload } = JSON.parse(decoder.decode(body))
  tally.note(payload.orderId, payload.serial)
}
