/**
 * F21: a service that publishes and consumes is asked to end. It is a process of its own, run as such services are:
 * `NodeRuntime.runMain`, which interrupts on SIGTERM.
 */
import { Effect, Scope } from "effect"
import type { Live, Stalled } from "../live.ts"
import type { Scenario } from "../scenario.ts"
import { type Lab, lab, round } from "./lab.ts"
import type { Settings, Stamped } from "./lines.ts"
import { caughtUp, defaults, entriesOf, type MemberProcess, repeats, startMember } from "./members.ts"

const partitions = 3
const group = "g"
/** Deliveries that a member holds. */
const maxInFlight = 128

interface Case {
  readonly name: string
  readonly injects: string
  readonly quick: boolean
  readonly service: Partial<Settings>
  /** Most time from the first signal to the end of the process. */
  readonly drainMillis: number
  /** Handlers may be cut off, so that their deliveries come again. */
  readonly cutsOff?: boolean
  readonly end: (service: MemberProcess, own: Lab) => Effect.Effect<void>
  /** Publishes that may end as unknown. */
  readonly mayBeUnknown?: boolean
}

const find = <Tag extends Stamped["_tag"]>({ lines }: MemberProcess, tag: Tag) =>
  lines.find((line): line is Extract<Stamped, { readonly _tag: Tag }> => line._tag === tag)

/** What the process itself has told of its end. */
const judge = (one: Case, service: MemberProcess, live: Live): void => {
  const told = new Set(service.lines.flatMap((line) => line._tag === "Settled" ? [line.issue] : []))
  const unsettled = service.lines.filter((line) => line._tag === "Issued" && !told.has(line.issue)).length
  const unknown = service.lines.filter((line) => line._tag === "Settled" && line.outcome === "unknown").length
  const signalled = find(service, "Signalled")
  const exit = find(service, "Exit")
  live.note("drain ms", exit?.drainMillis ?? Number.NaN)
  live.note("in flight at the signal", signalled?.running ?? 0)
  live.note("unsettled at the end", unsettled)
  if ((signalled?.running ?? 0) === 0) live.violation("no handler was running when the signal came")
  if (unsettled > 0) live.violation(`I2: ${unsettled} publishes were told nothing`)
  if (unknown > 0 && one.mayBeUnknown !== true) live.violation(`I2: ${unknown} publishes ended as unknown`)
  if (exit === undefined) live.violation("I8: the process has not ended by itself")
  else if (exit.drainMillis > one.drainMillis) {
    live.violation(`I8: the end took ${Math.round(exit.drainMillis)} ms, at most ${one.drainMillis}`)
  }
  if (service.code !== 130) live.violation(`I8: exit code ${service.code}, not 130: ${service.errors}`)
  const closed = find(service, "Closed")
  if (closed === undefined || closed.running > 0) {
    live.violation(`I8: ${closed?.running} handlers ran on behind the end`)
  }
  const interrupted = service.lines.filter((line) => line._tag === "Ended" && line.outcome === "interrupted").length
  live.note("cut off", interrupted)
  if (interrupted > 0 && one.cutsOff !== true) live.violation(`I8: ${interrupted} handlers were cut off`)
}

const scenario = (one: Case): Scenario => ({
  id: "F21",
  name: one.name,
  injects: one.injects,
  asserts: ["I1", "I2", "I3", "I4", "I5", "I8", "I9"],
  longestGapMillis: 15_000,
  quick: one.quick,
  run: Effect.gen(function*() {
    const own = yield* lab()
    const scope = yield* Effect.scope
    const members: Array<MemberProcess> = []
    const start = (live: Live, member: string, more: Partial<Settings> = {}) =>
      startMember({ ...defaults(own, live), group, member, partitions, maxInFlight, ...more }).pipe(
        Effect.tap((started) => Effect.sync(() => void members.push(started))),
        Effect.provideService(Scope.Scope, scope)
      )
    const inject = Effect.fnUntraced(function*(live: Live) {
      const service = yield* start(live, "service", { publishes: true, handleMillis: 100, ...one.service })
      yield* service.said("Started", 10)
      yield* service.said("Settled", 20)
      live.injected()
      yield* one.end(service, own)
      yield* service.ended
      judge(one, service, live)
      yield* start(live, "heir")
      live.repaired()
    })
    return yield* round<Stalled>("f21", own, inject, {
      topic: { partitions },
      rate: 200,
      elsewhere: (live) =>
        Effect.gen(function*() {
          yield* caughtUp(live, members)
          const repeated = repeats(members)
          live.note("repeated", repeated)
          // What was handled ahead of something that still waited is above the committed position.
          if (repeated > maxInFlight) {
            live.violation(`I5: ${repeated} events were handled again, at most ${maxInFlight} expected`)
          }
          return {
            entries: entriesOf(members),
            groups: [group],
            unclear: members.flatMap(({ lines }) =>
              lines.flatMap((line) => line._tag === "Unclear" ? [line.eventId] : [])
            )
          }
        })
    })
  })
})

const cases: ReadonlyArray<Case> = [
  {
    name: "SIGTERM with publishes and handlers under way",
    injects: "SIGTERM to a service that publishes 1,000/s and handles for 100 ms each",
    quick: true,
    service: {},
    drainMillis: 8000,
    end: (service) => Effect.sync(() => service.signal("SIGTERM"))
  },
  {
    name: "SIGTERM twice",
    injects: "a second SIGTERM 20 ms after the first: the drain goes on",
    quick: false,
    service: {},
    drainMillis: 8000,
    end: (service) =>
      Effect.gen(function*() {
        service.signal("SIGTERM")
        yield* Effect.sleep(20)
        service.signal("SIGTERM")
      })
  },
  {
    name: "SIGTERM, handlers that outlast the budget",
    injects: "SIGTERM to a service whose handlers take a minute, with a drain budget of 1 s",
    quick: false,
    service: { handleMillis: 60_000, drainMillis: 1000 },
    drainMillis: 8000,
    cutsOff: true,
    end: (service) => Effect.sync(() => service.signal("SIGTERM"))
  },
  {
    name: "SIGTERM while the broker is frozen",
    injects:
      "SIGSTOP of the broker, SIGTERM of the service 300 ms later, with a drain budget of 2 s; SIGCONT when it has ended",
    quick: false,
    service: { drainMillis: 2000 },
    drainMillis: 20_000,
    cutsOff: true,
    mayBeUnknown: true,
    end: (service, { node }) =>
      Effect.gen(function*() {
        node.signal("SIGSTOP")
        yield* Effect.sleep(300)
        service.signal("SIGTERM")
        yield* Effect.timeoutOption(service.ended, 30_000)
        node.signal("SIGCONT")
      })
  }
]

export const scenarios: ReadonlyArray<Scenario> = cases.map(scenario)
