import { describe, expect, test } from "vitest"
import { World } from "./fixtures/ingestLane.ts"

/** Numbers that are the same for the same seed. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b_79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

interface Kinds {
  readonly replicas: number
  /** What may go wrong, by how often in a hundred steps. */
  readonly faults: Readonly<
    Partial<Record<"cut" | "lose" | "refuse" | "forget" | "leaderless" | "isolated" | "seal", number>>
  >
}

interface Ran {
  readonly world: World
  readonly ids: ReadonlyArray<string>
  readonly settled: boolean
  /** For a while it refused everything. */
  readonly sealed: boolean
}

/** One history: publishes, deliveries, answers and faults in an order that the seed decides. */
const history = (seed: number, { faults, replicas }: Kinds): Ran => {
  const next = random(seed)
  const world = new World({ flow: 1 + next(20), replicas, batchSize: () => 1 + next(12), atOnce: 1 + next(30) })
  const ids: Array<string> = []
  let sealed = false
  const chance = (percent: number | undefined): boolean => next(100) < (percent ?? 0)
  for (let step = 0; step < 200; step++) {
    for (let i = next(8); i > 0; i--) {
      const id = `r${ids.length}`
      ids.push(id)
      if (chance(faults.refuse)) world.server.refuses.add(id)
      world.publish(id)
    }
    if (chance(80)) world.pump()
    world.deliver(next(20))
    world.answer(next(20))
    if (chance(30)) world.tick()
    if (chance(faults.cut)) world.cut()
    else if (chance(40)) world.connect()
    if (chance(faults.lose)) world.loseAnswers(1 + next(4))
    if (chance(faults.forget)) world.server.forget()
    if (chance(faults.seal)) sealed = world.server.sealed = true
    else if (chance(30)) world.server.sealed = false
    if (chance(faults.leaderless)) world.server.led = false
    if (chance(faults.isolated)) world.server.quorum = false
    // A leader that is cut off does not come back to its followers: another one is elected.
    else if ((!world.server.quorum || !world.server.led) && chance(15)) {
      if (!world.server.quorum) world.cut()
      world.server.elect()
    }
  }
  world.server.sealed = false
  return { world, ids, settled: world.calm(), sealed }
}

/** Everything that is wrong with a history. */
const problems = ({ ids, sealed, settled, world }: Ran): ReadonlyArray<string> => {
  const { server, told, violations } = world
  const acked = ids.filter((id) => told.get(id)?.outcome === "acked")
  const places = new Map(server.stored.map((id, place) => [id, place]))
  const order = acked.flatMap((id) => places.get(id) ?? [])
  return [
    ...violations,
    ...(settled ? [] : [`${ids.filter((id) => told.get(id)?.outcome === "pending").length} are not settled`]),
    ...(places.size === server.stored.length ? [] : ["something is stored twice"]),
    ...acked.filter((id) => !places.has(id)).map((id) => `${id} was acknowledged and is lost`),
    ...(order.every((place, i) => i === 0 || place > (order[i - 1] ?? 0)) ? [] : ["the order is not that of issue"]),
    ...ids.filter((id) => told.get(id)?.outcome === "rejected" && places.has(id)).map((id) => `${id} is a ghost`),
    ...ids.filter((id) => told.get(id)?.outcome === "rejected" && !sealed && !server.refuses.has(id)).map((id) =>
      `${id} was rejected for nothing`
    )
  ]
}

const seeds = 40

const table: ReadonlyArray<readonly [string, Kinds]> = [
  ["nothing", { replicas: 1, faults: {} }],
  ["connections are cut", { replicas: 1, faults: { cut: 6 } }],
  ["answers are lost", { replicas: 1, faults: { lose: 10 } }],
  ["records are refused", { replicas: 1, faults: { refuse: 5 } }],
  ["the stream is sealed for a while, and connections are cut", { replicas: 1, faults: { seal: 3, cut: 6 } }],
  ["the server forgets its batches", { replicas: 1, faults: { forget: 5 } }],
  ["nobody leads for a while", { replicas: 3, faults: { leaderless: 4 } }],
  ["a leader loses its followers, and dies", { replicas: 3, faults: { isolated: 4, cut: 4 } }],
  ["everything", {
    replicas: 3,
    faults: { cut: 3, lose: 4, refuse: 2, seal: 1, forget: 2, leaderless: 2, isolated: 3 }
  }]
]

describe("fast ingest against a model of the server", { timeout: 60_000 }, () => {
  test.each(table)("%s: nothing is lost, doubled, reordered or left", (_, kinds) => {
    const failing = Array.from({ length: seeds }, (_seed, i) => i + 1)
      .map((seed) => ({ seed, found: problems(history(seed, kinds)).slice(0, 5) }))
      .find(({ found }) => found.length > 0)
    expect(failing).toBeUndefined()
    const { ids, world } = history(1, kinds)
    expect(ids.length).toBeGreaterThan(100)
    expect(world.server.stored.length).toBeGreaterThan(100)
    const alone = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => history(seed, kinds).world.server.alone)
    expect(Math.max(...alone)).toBeGreaterThan(0)
  })

  test("a record that is alone is a message of its own, and what comes meanwhile waits for its answer", () => {
    const world = new World({ flow: 10, replicas: 1, batchSize: () => 1 })
    world.publish("a")
    world.pump()
    for (const id of ["b", "c"]) world.publish(id)
    world.pump()
    world.deliver(Infinity)
    expect([world.server.alone, world.server.stored]).toEqual([1, ["a"]])
    world.answer(Infinity)
    world.deliver(Infinity)
    expect([world.server.alone, world.server.stored]).toEqual([1, ["a", "b", "c"]])
    world.answer(Infinity)
    expect([world.settled, world.violations]).toEqual([true, []])
  })

  // 1. More is on its way than is asked for at once when the connection is lost; 2. what was asked for first is absent and
  // goes out, more of it than the server acknowledges in one group; 3. the end of that has no acknowledgement of its own;
  // 4. the rest waits for it to be asked for.
  test("goes on after a cut with more on its way than is asked for at once", () => {
    const world = new World({ flow: 100, replicas: 1, batchSize: () => 200, atOnce: 256 })
    const ids = Array.from({ length: 800 }, (_, i) => `r${i}`)
    for (const id of ids) world.publish(id)
    world.pump()
    world.cut()
    world.connect()
    expect([world.calm(), world.server.stored, world.violations]).toEqual([true, ids, []])
  })

  test("a record that is alone is asked for where its answer stays out", () => {
    const world = new World({ flow: 10, replicas: 3, batchSize: () => 1 })
    world.publish("a")
    world.pump()
    world.deliver(Infinity)
    world.loseAnswers(1)
    for (let i = 0; i < 8; i++) {
      world.tick()
      world.pump()
      world.deliver(Infinity)
      world.answer(Infinity)
    }
    expect([world.settled, world.server.stored, world.violations]).toEqual([true, ["a"], []])
  })

  test("the model acknowledges a staged duplicate that is never stored: what a lane that only resends would believe", () => {
    const { server } = new World({ flow: 10, replicas: 3, batchSize: () => 1 })
    const record = (name: string) => ({ name, sequence: 1, operation: 2, id: "r", probe: false })
    server.quorum = false
    expect(server.receive(record("f1"))).toEqual([])
    expect(server.receive(record("f2"))).toMatchObject([{ body: { count: 1, seq: 0 } }])
    server.elect()
    expect(server.has("r")).toBe(false)
  })
})
