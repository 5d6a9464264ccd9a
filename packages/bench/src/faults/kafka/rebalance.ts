/**
 * F19 and F20: members of a group come, go, die and freeze while it works. They are processes of their own.
 */
import { Effect, Scope } from "effect"
import type { Live, Stalled } from "../live.ts"
import type { Invariant, Scenario } from "../scenario.ts"
import { lab, round } from "./lab.ts"
import type { Settings } from "./lines.ts"
import {
  caughtUp,
  defaults,
  entriesOf,
  type MemberProcess,
  repeats,
  spawnMember,
  startedAfterRevocation,
  startedUnaware
} from "./members.ts"

const asserts: ReadonlyArray<Invariant> = ["I1", "I2", "I4", "I5", "I9"]
const partitions = 6
const group = "g"
/** Deliveries that a member holds. */
const maxInFlight = 128
/**
 * What comes again for each member that dies: what it held, and what it settled since its last commit, which is 100 ms ago
 * while 16 handlers take 5 ms each.
 */
const perDeath = maxInFlight + 16 * 100 / 5

interface Start {
  (member: string, more?: Partial<Settings>): Effect.Effect<MemberProcess, Stalled, Scope.Scope>
  /** Does not wait until it has joined. */
  readonly spawn: (member: string, more?: Partial<Settings>) => Effect.Effect<MemberProcess, never, Scope.Scope>
}

interface Case {
  readonly id: string
  readonly name: string
  readonly injects: string
  readonly quick?: boolean
  /** Most events that this may make be handled again. */
  readonly repeats: number
  readonly longestGapMillis?: number
  readonly patienceMillis?: number
  readonly inject: (start: Start, live: Live) => Effect.Effect<void, Stalled, Scope.Scope>
}

const scenario = (one: Case): Scenario => ({
  id: one.id,
  name: one.name,
  injects: one.injects,
  asserts,
  longestGapMillis: 10_000,
  quick: one.quick ?? false,
  patienceMillis: one.patienceMillis,
  run: Effect.gen(function*() {
    const own = yield* lab()
    // Members outlive the fault: what they hold has to be handled.
    const scope = yield* Effect.scope
    const members: Array<MemberProcess> = []
    const start = (live: Live): Start => {
      const spawn: Start["spawn"] = (member, more) =>
        spawnMember({ ...defaults(own, live), group, member, partitions, maxInFlight, ...more }).pipe(
          Effect.tap((spawned) => Effect.sync(() => void members.push(spawned))),
          Effect.provideService(Scope.Scope, scope)
        )
      return Object.assign(
        (member: string, more?: Partial<Settings>) =>
          Effect.tap(spawn(member, more), (spawned) => spawned.said("Ready")),
        { spawn }
      )
    }
    const elsewhere = Effect.fnUntraced(function*(live: Live) {
      yield* caughtUp(live, members)
      const after = startedAfterRevocation(members)
      const repeated = repeats(members)
      const unaware = startedUnaware(members)
      live.note("handled after revocation", after)
      live.note("repeated", repeated)
      if (unaware > 0) live.note("started before it could know", unaware)
      if (after > 0) live.violation(`I4: ${after} handlers were started after their partition was revoked`)
      if (repeated > one.repeats) {
        live.violation(`I5: ${repeated} events were handled again, at most ${one.repeats} expected`)
      }
      return { entries: entriesOf(members), groups: [group] }
    })
    return yield* round<Stalled>(one.id, own, (live) => one.inject(start(live), live), {
      topic: { partitions },
      rate: 500,
      aggregates: 60,
      elsewhere
    })
  })
})

/** A while under load. */
const work = Effect.sleep(1000)

const cases: ReadonlyArray<Case> = [
  {
    id: "F19",
    name: "a member joins and leaves",
    injects: "a second member joins under load, works for 1 s, and leaves on SIGTERM",
    quick: true,
    repeats: 2 * maxInFlight,
    inject: (start, live) =>
      Effect.gen(function*() {
        const first = yield* start("m1")
        yield* work
        const second = yield* start("m2")
        yield* second.said("Ended", 50)
        live.injected()
        second.signal("SIGTERM")
        yield* second.ended
        if (second.code !== 130) live.violation(`the member that left ended with ${second.code}`)
        live.injected()
        const so = first.count("Ended")
        yield* first.said("Ended", so + 50)
        live.repaired()
      })
  },
  {
    id: "F19",
    name: "assigned, revoked and assigned again within a second",
    injects:
      "three members join one after the other and are killed at once, under load, so that partitions go there and back",
    repeats: 4 * maxInFlight,
    patienceMillis: 240_000,
    inject: (start, live) =>
      Effect.gen(function*() {
        const first = yield* start("m1")
        yield* work
        for (let i = 0; i < 3; i++) {
          const other = yield* start(`n${i}`)
          other.signal("SIGTERM")
          live.injected(2)
          yield* other.ended
        }
        const so = first.count("Ended")
        yield* first.said("Ended", so + 50)
        live.repaired()
      })
  },
  {
    id: "F19",
    name: "a member is killed, another joins before anybody knows",
    injects: "SIGKILL of one of two members under load; a third joins while its session of 6 s goes on",
    repeats: perDeath + maxInFlight,
    inject: (start, live) =>
      Effect.gen(function*() {
        const first = yield* start("m1")
        const second = yield* start("m2")
        yield* second.said("Ended", 50)
        yield* second.kill
        live.injected()
        // It has to wait for the dead one's session to end, for longer than all tries of one request take.
        const third = yield* start("m3", { requestMillis: 500 })
        yield* third.said("Ended", 50)
        const so = first.count("Ended")
        yield* first.said("Ended", so + 50)
        live.repaired()
      })
  },
  {
    id: "F19",
    name: "a member is frozen for longer than its session",
    injects: "SIGSTOP of one of two members for 10 s under load, with a session of 6 s; then SIGCONT",
    repeats: 3 * maxInFlight,
    inject: (start, live) =>
      Effect.gen(function*() {
        const first = yield* start("m1")
        const second = yield* start("m2")
        yield* second.said("Ended", 50)
        second.signal("SIGSTOP")
        live.injected()
        yield* Effect.sleep(10_000)
        second.signal("SIGCONT")
        const so = second.count("Assigned")
        yield* second.said("Assigned", so + 2)
        const done = first.count("Ended")
        yield* first.said("Ended", done + 50)
        live.repaired()
      })
  },
  {
    id: "F19",
    name: "a member ends while it joins",
    injects: "SIGTERM of a member that joins while another one finishes what it runs, with a session of 15 s",
    repeats: 2 * maxInFlight,
    inject: (start, live) =>
      Effect.gen(function*() {
        const slow = { sessionMillis: 15_000, handleMillis: 1500 }
        const first = yield* start("m1", slow)
        yield* first.said("Ended", 16)
        const assigned = first.count("Assigned")
        const second = yield* start.spawn("m2", slow)
        // The first one has heard of the second, and hands over: the second is in the group, and waits.
        yield* first.said("Assigned", assigned + 1)
        second.signal("SIGTERM")
        live.injected()
        const from = performance.now()
        yield* first.said("Assigned", assigned + 2)
        const waited = performance.now() - from
        live.note("without a member ms", waited)
        if (waited > 10_000) live.violation(`I7: the group waited ${Math.round(waited)} ms for one that had left`)
        yield* second.ended
        // The slow one cannot handle all of it in time.
        const heir = yield* start("m3")
        yield* heir.said("Ended", 50)
        first.signal("SIGTERM")
        live.repaired()
      })
  },
  {
    id: "F20",
    name: "killed between a handler's end and the commit",
    injects: "SIGKILL of the only member at the moment that a handler has ended, three times; another one follows",
    repeats: 3 * perDeath,
    inject: (start, live) =>
      Effect.gen(function*() {
        for (let i = 0; i < 3; i++) {
          const member = yield* start(`m${i}`, { sessionMillis: 2000 })
          yield* member.said("Ended", 100)
          yield* member.kill
          live.injected()
        }
        const last = yield* start("last", { sessionMillis: 2000 })
        yield* last.said("Ended", 50)
        live.repaired()
      })
  }
]

export const scenarios: ReadonlyArray<Scenario> = cases.map(scenario)
