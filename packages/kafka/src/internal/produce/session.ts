/**
 * From jobs to answers: encodes each job once, sends it to its partition's leader together with what else goes there, and
 * sends the same bytes again until there is a definite answer or nobody waits for one any more.
 *
 * Idempotence, as Kafka asks for it. All batches carry one identity; each partition has at most one batch on its way, with
 * a sequence that goes on behind the last one stored:
 *
 * 1. a batch without a definite answer is sent again as it is: under the same sequence the broker stores it once, and says
 *    so if it has it already;
 * 2. a batch that is proved not to be stored gives its sequence to the next one;
 * 3. a batch that is given up without a definite answer leaves it open what the next sequence is, and so does a broker that
 *    has forgotten the producer: then all go on under a new identity, each partition from 0, when its batch under way is
 *    answered for. Under a new identity the broker cannot recognise what it has: event ids are there for that.
 */
import { failureFrom } from "../ask.ts"
import type { Job, JobResult } from "../engine.ts"
import { type Failure, failure, protocolFailure } from "../failure.ts"
import { isForgotten, isRetriable, isStale, Trail } from "./retry.ts"
import { Sequence } from "./sequences.ts"
import type { Answer, Identity, Part, Transport } from "./transport.ts"

export type Done = (job: Job, result: JobResult) => void

export interface SessionOptions {
  readonly transport: Transport
  readonly idempotent: boolean
  readonly retryDelayMillis: number
  /** Most bytes of batches in one request; a batch may be larger. */
  readonly maxRequestBytes: number
  /** Encodes and compresses; may throw. */
  readonly encode: (job: Job, identity: Identity, sequence: number) => Buffer | Promise<Buffer>
  /** Calls back once, after so many milliseconds. */
  readonly after: (millis: number, run: () => void) => void
}

/** Without idempotence. */
const nobody: Identity = { producerId: -1n, producerEpoch: -1 }

interface Partition {
  readonly sequence: Sequence
  /** On its way. Others of the partition wait behind it. */
  current: Flight | undefined
  readonly waiting: Array<Flight>
}

/** A job on its way. */
class Flight {
  readonly job: Job
  readonly partition: Partition
  readonly done: Done
  readonly trail = new Trail()
  identity: Identity = nobody
  batch: Buffer | undefined
  /** In a request: its answer decides. */
  underWay = false
  givenUp = false
  /** Times that its topic or partition was looked up in vain. */
  misses = 0

  constructor(job: Job, partition: Partition, done: Done) {
    this.job = job
    this.partition = partition
    this.done = done
  }
}

/** A new topic is known to the node that is asked next only a little later. */
const mostMisses = 10

const notSent = failure("unreachable", "no leader took it in time")
const closed = failure("closed", "the producer is closed")

const missing = ({ partition, topic }: Job): Failure =>
  protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no partition ${partition} of "${topic}"`)

const leaderless = ({ partition, topic }: Job): Failure =>
  protocolFailure("LEADER_NOT_AVAILABLE", `partition ${partition} of "${topic}" has no leader`)

const takeAll = (flights: Set<Flight>): ReadonlyArray<Flight> => {
  const all = [...flights]
  flights.clear()
  return all
}

export class Session {
  readonly #options: SessionOptions
  readonly #partitions = new Map<string, Partition>()
  readonly #flights = new Map<Job, Flight>()
  #identity: Identity | undefined
  #identifying = false
  /** They wait for an identity. */
  readonly #unnamed = new Set<Flight>()
  /** They wait for their next try. */
  readonly #waiting = new Set<Flight>()
  #scheduled = false
  #closed = false

  constructor(options: SessionOptions) {
    this.#options = options
    if (!options.idempotent) this.#identity = nobody
  }

  produce(jobs: ReadonlyArray<Job>, done: Done): void {
    const ready: Array<Flight> = []
    for (const job of jobs) {
      const partition = this.#partitionOf(job)
      const flight = new Flight(job, partition, done)
      this.#flights.set(job, flight)
      if (this.#closed) {
        this.#fail(flight, closed)
      } else if (partition.current === undefined) {
        partition.current = flight
        ready.push(flight)
      } else {
        partition.waiting.push(flight)
      }
    }
    this.#go(ready)
  }

  /** Nobody waits for these any more: they are answered for with what is known, at once or with their next answer. */
  giveUp(jobs: Iterable<Job>): void {
    for (const job of jobs) {
      const flight = this.#flights.get(job)
      if (flight === undefined) continue
      flight.givenUp = true
      if (!flight.underWay) this.#settle(flight)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.giveUp([...this.#flights.keys()])
    await this.#options.transport.close()
  }

  #partitionOf({ partition, topic }: Job): Partition {
    const key = `${partition} ${topic}`
    const known = this.#partitions.get(key)
    if (known !== undefined) return known
    const made: Partition = { sequence: new Sequence(), current: undefined, waiting: [] }
    this.#partitions.set(key, made)
    return made
  }

  // --- sending ----------------------------------------------------------------------------------------------------------

  /** Sends what can be sent now; the rest waits for what it lacks. */
  #go(flights: ReadonlyArray<Flight>): void {
    const byNode = new Map<number, Array<Flight>>()
    const unknown = new Map<string, Array<Flight>>()
    for (const flight of flights) {
      const { job } = flight
      const leader = this.#options.transport.leaderOf(job.topic, job.partition)
      if (leader._tag === "None") this.#again(flight, leaderless(job))
      else if (leader._tag === "Missing" && flight.misses > 0) this.#fail(flight, missing(job))
      else if (leader._tag !== "Node") {
        if (leader._tag === "Missing") flight.misses++
        const others = unknown.get(job.topic)
        if (others === undefined) unknown.set(job.topic, [flight])
        else others.push(flight)
      } else if (flight.batch !== undefined || this.#encode(flight)) {
        const others = byNode.get(leader.node)
        if (others === undefined) byNode.set(leader.node, [flight])
        else others.push(flight)
      }
    }
    for (const [topic, others] of unknown) void this.#refresh(topic, others)
    for (const [node, others] of byNode) this.#send(node, others)
  }

  /** Whether it can be sent now; if not, it comes back by itself. */
  #encode(flight: Flight): boolean {
    const identity = this.#identity
    if (identity === undefined) {
      this.#unnamed.add(flight)
      void this.#identify()
      return false
    }
    flight.identity = identity
    const sequence = identity === nobody ? -1 : flight.partition.sequence.next(identity)
    try {
      const batch = this.#options.encode(flight.job, identity, sequence)
      if (Buffer.isBuffer(batch)) {
        flight.batch = batch
        return true
      }
      void this.#whenEncoded(flight, batch)
    } catch (error) {
      this.#fail(flight, failure("usage", String(error), error))
    }
    return false
  }

  async #whenEncoded(flight: Flight, batch: Promise<Buffer>): Promise<void> {
    let found: Failure | undefined
    try {
      flight.batch = await batch
    } catch (error) {
      found = failure("usage", String(error), error)
    }
    if (!this.#alive(flight)) return
    if (found === undefined) this.#go([flight])
    else this.#fail(flight, found)
  }

  #send(node: number, flights: ReadonlyArray<Flight>): void {
    const { maxRequestBytes, transport } = this.#options
    let parts = new Map<Part, Flight>()
    let bytes = 0
    const hand = (): void => {
      const sent = parts
      transport.send(node, [...sent.keys()], (part, answer) => {
        const flight = sent.get(part)
        if (flight !== undefined) this.#answered(flight, answer)
      })
    }
    for (const flight of flights) {
      const { batch, job } = flight
      if (batch === undefined) continue
      if (parts.size > 0 && bytes + batch.length > maxRequestBytes) {
        hand()
        parts = new Map()
        bytes = 0
      }
      flight.underWay = true
      bytes += batch.length
      parts.set({ topic: job.topic, partition: job.partition, batch }, flight)
    }
    if (parts.size > 0) hand()
  }

  // --- answers ----------------------------------------------------------------------------------------------------------

  #answered(flight: Flight, answer: Answer): void {
    // Answered before: a second answer must not move the sequence on once more.
    if (!flight.underWay) return
    flight.underWay = false
    if (answer._tag === "Stored") {
      this.#stored(flight, answer.baseOffset)
      return
    }
    const { code } = answer.failure
    if (code === "DUPLICATE_SEQUENCE_NUMBER") this.#stored(flight, undefined)
    else if (isRetriable(answer.failure)) this.#again(flight, answer.failure)
    else this.#fail(flight, answer.failure)
  }

  #stored(flight: Flight, baseOffset: bigint | undefined): void {
    const { identity, job, partition } = flight
    partition.sequence.stored(identity, job.records.length)
    this.#end(flight, { _tag: "Stored", baseOffset })
  }

  #fail(flight: Flight, found: Failure): void {
    flight.underWay = false
    flight.trail.add(found)
    this.#settle(flight)
  }

  /** Not sent again; answered for as what its way says. */
  #settle(flight: Flight): void {
    const { identity, trail } = flight
    const { last } = trail
    // What the next sequence is, nobody knows.
    if (trail.unclear || (last !== undefined && isForgotten(last))) this.#forget(identity)
    this.#end(flight, {
      _tag: "Failed",
      failures: last === undefined ? [this.#closed ? closed : notSent] : trail.failures
    })
  }

  #forget(identity: Identity): void {
    if (this.#options.idempotent && this.#identity === identity) this.#identity = undefined
  }

  #end(flight: Flight, result: JobResult): void {
    const { job, partition } = flight
    this.#flights.delete(job)
    this.#unnamed.delete(flight)
    this.#waiting.delete(flight)
    flight.batch = undefined
    if (partition.current === flight) {
      partition.current = partition.waiting.shift()
      const next = partition.current
      // Not on this stack: whoever is answered may hand over more.
      if (next !== undefined) {
        queueMicrotask(() => {
          if (this.#alive(next)) this.#go([next])
        })
      }
    } else {
      const index = partition.waiting.indexOf(flight)
      if (index >= 0) partition.waiting.splice(index, 1)
    }
    flight.done(job, result)
  }

  /** Not answered for yet. */
  #alive(flight: Flight): boolean {
    return this.#flights.get(flight.job) === flight
  }

  // --- waiting ----------------------------------------------------------------------------------------------------------

  /** It is sent again after a pause. */
  #again(flight: Flight, found: Failure): void {
    flight.underWay = false
    flight.trail.add(found)
    if (flight.givenUp || this.#closed) {
      this.#settle(flight)
      return
    }
    this.#waiting.add(flight)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#options.after(this.#options.retryDelayMillis, () => {
      this.#scheduled = false
      const stale = new Map<string, Array<Flight>>()
      const fresh: Array<Flight> = []
      for (const flight of takeAll(this.#waiting)) {
        const { job, trail } = flight
        const others = stale.get(job.topic)
        if (trail.last === undefined || !isStale(trail.last)) fresh.push(flight)
        else if (others === undefined) stale.set(job.topic, [flight])
        else others.push(flight)
      }
      for (const [topic, others] of stale) void this.#refresh(topic, others)
      this.#go(fresh)
    })
  }

  /** Looks the topic up again, then goes on with these. */
  async #refresh(topic: string, flights: ReadonlyArray<Flight>): Promise<void> {
    let found: Failure | undefined
    try {
      await this.#options.transport.refresh(topic)
    } catch (error) {
      found = failureFrom(error)
    }
    const alive = flights.filter((flight) => this.#alive(flight))
    if (found === undefined) {
      this.#go(alive)
      return
    }
    for (const flight of alive) {
      if (found.code === "UNKNOWN_TOPIC_OR_PARTITION") flight.misses++
      if (isRetriable(found) && flight.misses <= mostMisses) this.#again(flight, found)
      else this.#fail(flight, found)
    }
  }

  async #identify(): Promise<void> {
    if (this.#identifying) return
    this.#identifying = true
    let found: Failure | undefined
    try {
      this.#identity = await this.#options.transport.identify()
    } catch (error) {
      found = failureFrom(error)
    }
    this.#identifying = false
    const flights = takeAll(this.#unnamed)
    if (found === undefined) {
      this.#go(flights)
      return
    }
    for (const flight of flights) {
      if (isRetriable(found)) this.#again(flight, found)
      else this.#fail(flight, found)
    }
  }
}
