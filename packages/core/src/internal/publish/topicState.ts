import type * as Broker from "../../Broker.ts"
import type { Entry } from "./entry.ts"
import { Lane } from "./lane.ts"
import type { Meter } from "./meter.ts"

/** What a driver that does not say otherwise gets: the fastest of 64, 128 and 256 over NATS. */
const usualBurst = 64

/** Idle lanes that are kept at least. */
const mostRetired = 1024

/**
 * What the pipeline holds of one physical topic, after it was ensured: what the broker has, how records go into lanes,
 * and the lanes. Two `Topic` values of the same name share it, and so share their order.
 */
export class TopicState {
  readonly spec: Broker.TopicSpec
  readonly info: Broker.TopicInfo
  readonly policy: Broker.LanePolicy
  /** So many accepted entries are worth a turn of the pump. */
  readonly burst: number
  readonly meter: Meter
  /** Above it a record is refused: of what the broker and the topic take, the less. */
  maxRecordBytes: number
  /** With some that are idle: most aggregates come again. */
  #lanes = new Map<string, Lane>()
  /** How often a lane has become idle since the idle ones were forgotten. */
  #retired = 0
  readonly #byPartition: Array<Lane | undefined> = []

  constructor(
    spec: Broker.TopicSpec,
    info: Broker.TopicInfo,
    policy: Broker.LanePolicy,
    meter: Meter,
    maxRecordBytes = Infinity
  ) {
    this.maxRecordBytes = maxRecordBytes
    this.spec = spec
    this.info = info
    this.policy = policy
    const { burst = usualBurst } = policy
    // Also where a driver says 0, or nothing that is a number: less than one would be a turn for nothing, for ever.
    this.burst = burst >= 1 ? burst : 1
    this.meter = meter
  }

  laneOf(entry: Entry): Lane {
    switch (this.policy.key) {
      case "partition": {
        const lane = this.#byPartition[entry.partition]
        if (lane !== undefined) return lane
        const made = this.#make(String(entry.partition))
        this.#byPartition[entry.partition] = made
        return made
      }
      case "aggregate":
        return this.#lanes.get(entry.key) ?? this.#make(entry.key)
      case "topic":
      case "none":
        return this.#lanes.get(this.info.name) ?? this.#make(this.info.name)
    }
  }

  /**
   * The lane of an aggregate has nothing more to send. There may be millions of them over time, so the idle ones are
   * forgotten: together, and when there may be as many of them as of the others.
   */
  retire(lane: Lane): void {
    if (this.policy.key !== "aggregate" || !lane.idle) return
    if (++this.#retired < Math.max(mostRetired, this.#lanes.size / 2)) return
    this.#retired = 0
    const lanes = new Map<string, Lane>()
    for (const other of this.#lanes.values()) if (!other.idle) lanes.set(other.key, other)
    this.#lanes = lanes
  }

  #make(key: string): Lane {
    const lane = new Lane(this, key)
    this.#lanes.set(key, lane)
    return lane
  }
}
