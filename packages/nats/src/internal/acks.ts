/**
 * Acknowledgements of deliveries, until the server has confirmed them.
 *
 * The last one of each hand-over asks for a confirmation; the server takes the acknowledgements of a consumer in order,
 * so it confirms all before it. What is not confirmed is sent again after a reconnect, or when the confirmation stays out:
 * acknowledging twice does no harm.
 */
import type { Client } from "./client.ts"

const acknowledgement = Buffer.from("+ACK")

interface HandOver {
  readonly number: number
  readonly replies: ReadonlyArray<Uint8Array>
  /** Sweeps that it has waited through since it was sent. */
  age: number
}

export class Acks {
  readonly #client: Client
  /** Where confirmations come to, with a dot at the end. */
  readonly #inbox: string
  #open: Array<HandOver> = []
  #next = 1
  #waiters: Array<() => void> = []

  constructor(client: Client, inbox: string) {
    this.#client = client
    this.#inbox = inbox
  }

  get empty(): boolean {
    return this.#open.length === 0
  }

  send(replies: ReadonlyArray<Uint8Array>): void {
    if (replies.length === 0) return
    const handOver = { number: this.#next++, replies, age: 0 }
    this.#open.push(handOver)
    if (this.#client.connected) this.#publish(handOver)
  }

  confirmed(number: number): void {
    this.#open = this.#open.filter((handOver) => handOver.number > number)
    if (this.#open.length > 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
  }

  /** Calls back once nothing is open; at once if that is so. Returns what cancels it. */
  whenEmpty(told: () => void): () => void {
    if (this.empty) {
      told()
      return () => {}
    }
    this.#waiters.push(told)
    return () => {
      this.#waiters = this.#waiters.filter((waiter) => waiter !== told)
    }
  }

  resend(): void {
    for (const handOver of this.#open) this.#publish(handOver)
  }

  /** Sends again what has waited through two sweeps. */
  sweep(): void {
    if (!this.#client.connected) return
    for (const handOver of this.#open) if (++handOver.age > 2) this.#publish(handOver)
  }

  #publish(handOver: HandOver): void {
    const { number, replies } = handOver
    handOver.age = 0
    const last = replies.length - 1
    for (let i = 0; i < replies.length; i++) {
      this.#client.answer(replies[i]!, i === last ? `${this.#inbox}${number}` : "", acknowledgement)
    }
  }
}
