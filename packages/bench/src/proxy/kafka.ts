/**
 * The proxy with knowledge of Kafka: answers to requests of one kind that get lost or are late, and connections that die
 * without a word while new ones live.
 */
import { type Hook, Proxy } from "./proxy.ts"

/** Keys of Kafka's requests. */
export const Api = { Produce: 0, Fetch: 1, OffsetCommit: 8, JoinGroup: 11, Heartbeat: 12 } as const

/** Splits one direction of a connection into frames: a length of four bytes, and so many more. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer, each: (frame: Buffer) => void): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (rest.length >= 4) {
      const end = 4 + rest.readInt32BE(0)
      if (rest.length < end) break
      each(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
    this.#rest = rest
  }
}

const count = (map: Map<number, number>, key: number, by = 1): void => {
  map.set(key, (map.get(key) ?? 0) + by)
}

class Faults {
  /** Answers to lose, by key. */
  readonly drops = new Map<number, number>()
  /** How late answers are, by key, in milliseconds. */
  readonly delays = new Map<number, number>()
  /** Connections with a lower number are dead. */
  deadBelow = 0
  connections = 0
  dropped = 0
  late = 0
  readonly requests = new Map<number, number>()

  readonly hook: Hook = () => {
    const number = this.connections++
    /** What was asked for, by correlation id. */
    const asked = new Map<number, number>()
    const dead = () => number < this.deadBelow
    const requests = new Frames()
    const answers = new Frames()
    return {
      toServer: (chunk, forward) => {
        if (dead()) return
        requests.push(chunk, (frame) => {
          const api = frame.readInt16BE(4)
          count(this.requests, api)
          asked.set(frame.readInt32BE(8), api)
        })
        forward(chunk)
      },
      toClient: (chunk, forward) => {
        if (dead()) return
        answers.push(chunk, (frame) => {
          const id = frame.readInt32BE(4)
          const api = asked.get(id) ?? -1
          asked.delete(id)
          if ((this.drops.get(api) ?? 0) > 0) {
            count(this.drops, api, -1)
            this.dropped++
            return
          }
          const delay = this.delays.get(api) ?? 0
          if (delay > 0) this.late++
          forward(frame, delay)
        })
      }
    }
  }
}

export class KafkaProxy extends Proxy {
  readonly #faults: Faults

  /** `listen` is the port that the broker tells its clients to come to. */
  constructor(listen: number, target: number) {
    const faults = new Faults()
    super({ target, listen, hook: faults.hook })
    this.#faults = faults
  }

  /** Answers lost on purpose. */
  get dropped(): number {
    return this.#faults.dropped
  }

  /** Answers held back on purpose. */
  get late(): number {
    return this.#faults.late
  }

  /** Requests of a kind that came through. */
  requests(api: number): number {
    return this.#faults.requests.get(api) ?? 0
  }

  /** Loses the next answers of a kind. The broker has done what it was asked for. */
  drop(api: number, times: number): void {
    count(this.#faults.drops, api, times)
  }

  /** Holds the answers of a kind back, and what is behind them on their connections. */
  delay(api: number, millis: number): void {
    this.#faults.delays.set(api, millis)
  }

  /** What is connected now is dead, for ever, and nobody says so. New connections live. Returns how many died. */
  kill(): number {
    this.#faults.deadBelow = this.#faults.connections
    const died = this.open
    this.cuts += died
    return died
  }

  override mend(): void {
    this.#faults.drops.clear()
    this.#faults.delays.clear()
    super.mend()
  }
}
