import type * as Broker from "../../Broker.ts"
import { Returning } from "../returning.ts"
import type { Entry } from "./entry.ts"
import { Lane } from "./lane.ts"
import type { Meter } from "./meter.ts"

/** What a driver that does not say otherwise gets: the fastest of 64, 128 and 256 over NATS. */
const usualBurst = 64

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
  readonly #lanes = new Returning<Lane>((lane) => lane.idle)
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

  /** The lane of an aggregate has nothing more to send, and may be forgotten. */
  retire(lane: Lane): void {
    if (this.policy.key === "aggregate" && lane.idle) this.#lanes.left()
  }

  #make(key: string): Lane {
    const lane = new Lane(this, key)
    this.#lanes.add(lane)
    return lane
  }
}
