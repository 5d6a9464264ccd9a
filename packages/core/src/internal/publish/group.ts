import type { Entry } from "./entry.ts"
import type { Lane } from "./lane.ts"

/**
 * The members of an atomic batch. It stands in the queue of every lane that one of its members belongs to, and is sent
 * when it has come to the head of all of them with nothing of theirs in flight: what was accepted before it is stored
 * before it, what was accepted after it is stored after it. All its places are taken in one synchronous step, so two
 * groups stand in the same order in every lane that they share, and cannot wait for each other.
 */
export class Group {
  readonly _tag = "Group"
  readonly records: ReadonlyArray<Entry>
  #lanes: ReadonlySet<Lane> = new Set()
  readonly #arrived = new Set<Lane>()

  constructor(records: ReadonlyArray<Entry>) {
    this.records = records
  }

  /**
   * The lanes that it has to stand in from now on. Asked for by the pump, once, and not before: a lane in which nothing
   * stands may be forgotten, and who comes later would find another one.
   */
  enter(): ReadonlySet<Lane> {
    this.#lanes = new Set(this.records.map((entry) => entry.topic.laneOf(entry)))
    return this.#lanes
  }

  get settled(): boolean {
    return this.records.every((entry) => entry.result !== undefined)
  }

  get attempted(): boolean {
    return this.records.some((entry) => entry.attempts > 0)
  }

  /** Says that the group is at the head of `lane`; true where that was the last one and it is not at the driver. */
  arrive(lane: Lane): boolean {
    this.#arrived.add(lane)
    return this.#arrived.size === this.#lanes.size && !this.records.some((entry) => entry.outstanding)
  }
}
