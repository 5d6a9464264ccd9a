import type * as Broker from "../../Broker.ts"
import type { Entry } from "./entry.ts"
import type { Lane } from "./lane.ts"

/** Never pushed to. */
const nothing: Array<number> = []

/**
 * One attempt of some records of a lane. The driver writes answers into it from its callbacks; `onAnswer` puts the
 * batch into the acknowledgement queue, once until the ack pool has taken the answers out again.
 */
export class SendBatch implements Broker.Batch {
  readonly topic: Broker.TopicInfo
  readonly lane: string
  readonly epoch: number
  readonly records: ReadonlyArray<Entry>
  readonly resend: boolean
  readonly atomic: boolean
  readonly owner: Lane

  /** When the answers that wait to be taken were announced, where stages are recorded. */
  answeredAt = 0
  /** Records without an answer. */
  unanswered: number
  /** Answers given twice: the driver breaks its contract. Ignored, counted. */
  surplus = 0
  readonly #onAnswer: (batch: SendBatch, announced: boolean) => void
  readonly #outcomes: Array<Broker.Outcome | undefined>
  #fresh: Array<number> = nothing
  /** Of what was fresh: what is being taken, and how much of it was. */
  #taking: ReadonlyArray<number> = nothing
  #taken = 0
  #announced = false

  constructor(
    owner: Lane,
    records: ReadonlyArray<Entry>,
    options: {
      readonly resend: boolean
      readonly atomic: boolean
      /** There are answers. `announced`: somebody has the batch already, and will find them. */
      readonly onAnswer: (batch: SendBatch, announced: boolean) => void
    }
  ) {
    this.owner = owner
    this.topic = owner.topic.info
    this.lane = owner.key
    this.epoch = owner.epoch
    this.records = records
    this.resend = options.resend
    this.atomic = options.atomic
    this.unanswered = records.length
    this.#onAnswer = options.onAnswer
    this.#outcomes = new Array<Broker.Outcome | undefined>(records.length).fill(undefined)
  }

  settle(index: number, outcome: Broker.Outcome): void {
    if (index < 0 || index >= this.records.length || this.#outcomes[index] !== undefined) {
      this.surplus++
      return
    }
    this.#outcomes[index] = outcome
    this.#note(index)
  }

  settleAll(outcome: Broker.Outcome, from = 0): void {
    for (let index = from; index < this.records.length; index++) {
      if (this.#outcomes[index] !== undefined) continue
      this.#outcomes[index] = outcome
      this.#note(index)
    }
  }

  /**
   * Hands each answer that came in to `use`, until `enough` says so or all are taken, which it tells. Until then the batch
   * is announced to nobody else.
   */
  takeAnswers(use: (entry: Entry, outcome: Broker.Outcome) => void, enough: () => boolean): boolean {
    for (;;) {
      if (this.#taken === this.#taking.length) {
        this.#taking = this.#fresh
        this.#taken = 0
        this.#fresh = nothing
        if (this.#taking.length === 0) {
          this.#announced = false
          return true
        }
      }
      const index = this.#taking[this.#taken++]!
      this.unanswered--
      // Whoever is resumed by this may cause the next answer.
      use(this.records[index]!, this.#outcomes[index]!)
      if (enough() && (this.#taken < this.#taking.length || this.#fresh !== nothing)) return false
    }
  }

  #note(index: number): void {
    if (this.#fresh !== nothing) {
      this.#fresh.push(index)
      return
    }
    // An array that was empty makes room for 17 at the first push, and most batches of some drivers are of one record.
    this.#fresh = [index]
    this.#onAnswer(this, this.#announced)
    this.#announced = true
  }
}
