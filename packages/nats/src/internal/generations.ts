import type { Client } from "./client.ts"

/** Sweeps within one ack timeout. */
export const patience = 4

/**
 * Tells which messages the server has read long ago, without a time stamp or a timer per message: each gets the number of
 * the generation under which it was sent; a sweep ends a generation, and a ping behind it says when it was read.
 */
export class Generations {
  /** Of what is sent now. */
  current = 0
  /** This one and those before it were read at least {@link patience} sweeps ago. */
  expired = -1
  readonly #client: Client
  /** What was read at the last sweeps, the oldest first. */
  readonly #reads: Array<number> = []
  #read = -1

  constructor(client: Client) {
    this.#client = client
  }

  /** `waiting`: whether there is anything that waits for an answer. */
  sweep(waiting: boolean): void {
    this.#reads.push(this.#read)
    if (this.#reads.length > patience) this.expired = this.#reads.shift() ?? -1
    if (!waiting) return
    const ended = this.current++
    this.#client.barrier((read) => {
      if (read) this.#read = ended
    })
  }
}
