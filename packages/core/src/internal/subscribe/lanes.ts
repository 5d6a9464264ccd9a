import { Fifo } from "../fifo.ts"
import { Heap } from "../heap.ts"
import { Returning } from "../returning.ts"

/**
 * The lanes of a subscription: one FIFO for each aggregate that has deliveries in hand, and the choice of whose turn is
 * next. A pure state machine: no fibers, no clock, nothing of brokers.
 *
 * A lane is
 * - `ready`: its head may be taken;
 * - `running`: its head was taken and has not come back;
 * - `sleeping`: its head came back and waits for its next try;
 * - `halted`: its head came back for good, and everything behind it stays where it is;
 * - `gone`: empty, no longer known.
 *
 * A head keeps its place while it runs, sleeps or is halted, so nothing behind it can overtake it. Between lanes there is
 * no order but fairness: partitions take turns, and the lanes of a partition do.
 */
export type LaneState = "ready" | "running" | "sleeping" | "halted" | "gone"

/** What stands in a lane. `next` and `lane` belong to the lanes. */
export interface LaneItem<A> {
  readonly key: string
  readonly turn: Turn<A>
  next: A | undefined
  lane: Lane<A> | undefined
}

/** A partition's ready lanes. */
export class Turn<A> {
  readonly ready = new Fifo<Lane<A>>()
  /** Is in the round of partitions. */
  queued = false
}

export class Lane<A> {
  readonly key: string
  state: LaneState = "gone"
  /** Not there where the lane is gone. */
  head: A | undefined
  tail: A | undefined
  length = 0
  /** When a sleeping lane wakes. */
  wakeAt = 0

  constructor(key: string) {
    this.key = key
  }
}

interface Alarm<A> {
  readonly at: number
  readonly lane: Lane<A>
}

export class Lanes<A extends LaneItem<A>> {
  readonly #lanes = new Returning<Lane<A>>(({ state }) => state === "gone")
  #active = 0
  readonly #round = new Fifo<Turn<A>>()
  readonly #alarms = new Heap<Alarm<A>>((self, that) => self.at < that.at)
  #ready = 0
  #running = 0
  #sleeping = 0
  #halted = 0

  get active(): number {
    return this.#active
  }
  get ready(): number {
    return this.#ready
  }
  get running(): number {
    return this.#running
  }
  get sleeping(): number {
    return this.#sleeping
  }
  get halted(): number {
    return this.#halted
  }

  values(): IterableIterator<Lane<A>> {
    return this.#lanes.present()
  }

  get(key: string): Lane<A> | undefined {
    const lane = this.#lanes.get(key)
    return lane === undefined || lane.state === "gone" ? undefined : lane
  }

  /** Puts an item at the end of its lane. */
  push(item: A): void {
    let lane = this.#lanes.get(item.key)
    if (lane === undefined) {
      lane = new Lane<A>(item.key)
      this.#lanes.add(lane)
    }
    item.lane = lane
    lane.length++
    if (lane.tail === undefined) {
      lane.head = item
      lane.tail = item
      lane.state = "ready"
      this.#active++
      this.#ready++
      this.#enqueue(lane, item)
    } else {
      lane.tail.next = item
      lane.tail = item
    }
  }

  /** The head of the lane whose turn it is. The lane runs until `finish`, `sleep`, `halt` or `putBack`. */
  take(): A | undefined {
    for (;;) {
      const turn = this.#round.peek()
      if (turn === undefined) return undefined
      const lane = turn.ready.shift()
      if (turn.ready.length === 0) {
        this.#round.shift()
        turn.queued = false
      } else if (this.#round.length > 1) {
        this.#round.shift()
        this.#round.push(turn)
      }
      // A lane that a drop has emptied stays in its queue until its turn.
      if (lane === undefined || lane.state !== "ready") continue
      this.#ready--
      this.#running++
      lane.state = "running"
      return lane.head
    }
  }

  /** The head of a running lane is done: the next one is ready, or the lane is gone. */
  finish(lane: Lane<A>): void {
    this.#leave(lane)
    this.#advance(lane)
  }

  /** The head of a running lane is tried again, first in its lane, as soon as its turn comes. */
  putBack(lane: Lane<A>): void {
    this.#leave(lane)
    if (lane.head === undefined) return
    lane.state = "ready"
    this.#ready++
    this.#enqueue(lane, lane.head)
  }

  /** The head of a running lane is tried again at `at`. */
  sleep(lane: Lane<A>, at: number): void {
    this.#leave(lane)
    lane.state = "sleeping"
    lane.wakeAt = at
    this.#sleeping++
    this.#alarms.push({ at, lane })
  }

  /** The head of a running lane is never tried again, and nothing behind it either. */
  halt(lane: Lane<A>): void {
    this.#leave(lane)
    lane.state = "halted"
    this.#halted++
  }

  /** When the next sleeping lane wakes; `Infinity` where none sleeps. */
  nextAlarm(): number {
    for (;;) {
      const alarm = this.#alarms.peek()
      if (alarm === undefined) return Infinity
      if (alarm.lane.state === "sleeping" && alarm.lane.wakeAt === alarm.at) return alarm.at
      this.#alarms.pop()
    }
  }

  /** Makes the lanes ready whose time has come. */
  wake(now: number): void {
    while (this.nextAlarm() <= now) {
      const alarm = this.#alarms.pop()
      if (alarm === undefined) return
      this.putBack(alarm.lane)
    }
  }

  /** Takes out of one lane what `drop` names, except a head that runs. Returns what was taken out, in order. */
  drop(lane: Lane<A>, drop: (item: A) => boolean): ReadonlyArray<A> {
    const dropped: Array<A> = []
    const running = lane.state === "running"
    let head: A | undefined
    let tail: A | undefined
    let length = 0
    for (let item: A | undefined = lane.head; item !== undefined;) {
      const next: A | undefined = item.next
      item.next = undefined
      if (drop(item) && !(running && item === lane.head)) {
        item.lane = undefined
        dropped.push(item)
      } else {
        if (tail === undefined) head = item
        else tail.next = item
        tail = item
        length++
      }
      item = next
    }
    if (dropped.length === 0) return dropped
    if (head === undefined || tail === undefined) {
      this.#leave(lane)
      this.#remove(lane)
      return dropped
    }
    const changed = head !== lane.head
    lane.head = head
    lane.tail = tail
    lane.length = length
    // Another head has not been tried yet: what held the old one does not hold it.
    if (changed && lane.state !== "ready") this.putBack(lane)
    return dropped
  }

  #advance(lane: Lane<A>): void {
    const done = lane.head
    if (done === undefined) return
    const next = done.next
    done.next = undefined
    done.lane = undefined
    if (next === undefined) {
      this.#remove(lane)
    } else {
      lane.head = next
      lane.length--
      lane.state = "ready"
      this.#ready++
      this.#enqueue(lane, next)
    }
  }

  #enqueue(lane: Lane<A>, { turn }: A): void {
    turn.ready.push(lane)
    if (turn.queued) return
    turn.queued = true
    this.#round.push(turn)
  }

  #remove(lane: Lane<A>): void {
    lane.state = "gone"
    lane.head = undefined
    lane.tail = undefined
    lane.length = 0
    this.#active--
    this.#lanes.left()
  }

  /** Takes the lane out of the count of its state. */
  #leave(lane: Lane<A>): void {
    switch (lane.state) {
      case "ready":
        this.#ready--
        break
      case "running":
        this.#running--
        break
      case "sleeping":
        this.#sleeping--
        break
      case "halted":
        this.#halted--
        break
      case "gone":
        throw new Error(`lane ${lane.key} is gone`)
    }
  }
}
