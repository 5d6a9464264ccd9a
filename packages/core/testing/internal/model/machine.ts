/**
 * Runs a script against the real bus over the real broker, heals everything, waits until every group has caught up, and
 * has the outcome judged.
 */
import { Effect, Fiber, Latch, Schedule } from "effect"
import * as Checker from "../../Checker.ts"
import type { Entry } from "../../History.ts"
import {
  type Bus,
  type BusOptions,
  expect,
  type Fact,
  type Lab,
  type LawTopic,
  type LawViolation,
  violated
} from "../../Lab.ts"
import type { Command, Script } from "./command.ts"
import { disturbances, judge } from "./reference.ts"

type LabService = Lab["Service"]
type How = Extract<Command, { readonly _tag: "Misbehave" }>["how"]

interface Member {
  readonly bus: Bus
  readonly concurrency: number
}

/** What a script, or all of them, have come to. */
export interface Coverage {
  readonly issued: number
  readonly unknown: number
  readonly handled: number
  readonly repeated: number
  readonly deadLettered: number
  readonly failed: number
  readonly interrupted: number
  readonly crashes: number
  readonly cuts: number
  readonly joins: number
  readonly restarts: number
}

/** Failures after which a delivery is dead-lettered. */
const tries = 3

const mostMembers = 3

/** How long an outage goes on while a bus is opened, in milliseconds. */
const outage = 20

const groupName = (group: number): string => `g${group}`

const coverageOf = (entries: ReadonlyArray<Entry>, figures: Checker.Figures): Coverage => {
  const happened = (what: string) => entries.filter((entry) => entry._tag === "Happened" && entry.what === what).length
  const ended = (...outcomes: ReadonlyArray<string>) =>
    entries.filter((entry) => entry._tag === "Ended" && outcomes.includes(entry.outcome)).length
  const groups = Object.values(figures.groups)
  return {
    issued: figures.issued,
    unknown: figures.unknown,
    handled: groups.reduce((sum, { handled }) => sum + handled, 0),
    repeated: groups.reduce((sum, { repeated }) => sum + repeated, 0),
    deadLettered: groups.reduce((sum, { deadLettered }) => sum + deadLettered, 0),
    failed: ended("failed", "died"),
    interrupted: ended("interrupted"),
    crashes: happened("crash"),
    cuts: happened("cut"),
    joins: happened("join"),
    restarts: happened("restart")
  }
}

class Machine {
  private readonly lab: LabService
  private readonly topic: LawTopic
  private readonly published = new Map<number, number>()
  private readonly told: Array<Effect.Effect<unknown>> = []
  private readonly members = new Map<number, ReadonlyArray<Member>>()
  /** Everyone that ever was. */
  private readonly groups = new Set<number>()
  private readonly misbehaviour = new Map<string, Array<How>>()
  private readonly healed = Latch.makeUnsafe()
  private publisher: Bus | undefined
  private memberCount = 0
  private isCut = false

  constructor(lab: LabService) {
    this.lab = lab
    this.topic = lab.topic({ partitions: 2 })
  }

  readonly run = (script: Script): Effect.Effect<Coverage, unknown> =>
    Effect.gen({ self: this }, function*() {
      yield* this.lab.await(
        "the topic is made",
        Effect.asVoid(Effect.flatMap(this.bus(), ({ admin }) => admin.ensure(this.topic)))
      )
      for (const command of script) yield* this.perform(command)
      return yield* this.finish()
    })

  private readonly bus = (): Effect.Effect<Bus, unknown> =>
    Effect.suspend(() => {
      if (this.publisher !== undefined) return Effect.succeed(this.publisher)
      return Effect.tap(this.opened({ maxPending: 8, deliveryTimeout: "5 seconds" }), (bus) =>
        Effect.sync(() => {
          this.publisher = bus
        }))
    })

  /** A bus that is opened while the connection is cut waits for it, and the cut ends. */
  private readonly opened = (options?: BusOptions): Effect.Effect<Bus, unknown> =>
    this.isCut
      ? Effect.flatMap(
        Effect.forkChild(this.lab.bus(options), { startImmediately: true }),
        (opening) => Effect.andThen(Effect.andThen(this.lab.pass(outage), this.mend()), Fiber.join(opening))
      )
      : this.lab.bus(options)

  private perform(command: Command): Effect.Effect<unknown, unknown> {
    const { lab } = this
    switch (command._tag) {
      case "Publish":
        return this.publish(Array.from({ length: command.count }, () => this.next(command.key)))
      case "PublishBatch":
        return this.publishBatch(command.keys.map((key) => this.next(key)))
      case "Subscribe":
        return this.subscribe(command.group, command.concurrency)
      case "Leave":
        return this.remove(command.group, ({ bus }) => {
          lab.history.add({
            _tag: "Happened",
            what: this.isCut ? "leave while cut" : "leave",
            detail: groupName(command.group)
          })
          return bus.close
        })
      case "Crash":
        return this.remove(command.group, ({ bus }) => {
          lab.history.add({ _tag: "Happened", what: "crash", detail: groupName(command.group) })
          return bus.crash
        })
      case "Misbehave": {
        const id = `${command.group} a${command.key}`
        const planned = this.misbehaviour.get(id) ?? []
        this.misbehaviour.set(id, planned)
        return Effect.sync(() => planned.push(...Array.from({ length: command.times }, () => command.how)))
      }
      case "Restart":
        return this.restart()
      case "Cut":
        return this.cut()
      case "Mend":
        return this.mend()
      case "Advance":
        return lab.pass(lab.subject.time === "test" ? command.millis : Math.min(command.millis, 50))
    }
  }

  private next(key: number): Fact {
    const n = this.published.get(key) ?? 0
    this.published.set(key, n + 1)
    return this.lab.fact(`a${key}`, n)
  }

  private readonly publish = Effect.fnUntraced(function*(this: Machine, facts: ReadonlyArray<Fact>) {
    const { publisher } = yield* this.bus()
    for (const fact of facts) {
      this.told.push(
        yield* this.lab.await("a publish is accepted", this.lab.history.publish(publisher, this.topic, fact))
      )
    }
  })

  /** Waits for all of it: where a batch stands among other publishes is known only when it is accepted as a whole. */
  private readonly publishBatch = Effect.fnUntraced(function*(this: Machine, facts: ReadonlyArray<Fact>) {
    const { publisher } = yield* this.bus()
    yield* this.lab.await("a batch settles", this.lab.history.publishBatch(publisher, this.topic, facts))
  })

  private readonly handle = (group: number) => (fact: Fact): Effect.Effect<unknown, unknown> => {
    const how = this.misbehaviour.get(`${group} ${fact.aggregateId}`)?.shift()
    switch (how) {
      case undefined:
        return fact.payload.n % 2 === 0 ? Effect.void : Effect.sleep(fact.payload.n % 5)
      case "fail":
        return Effect.fail("as planned")
      case "die":
        return Effect.die("as planned")
      case "hang":
        return this.healed.await
    }
  }

  private readonly subscribe = Effect.fnUntraced(function*(this: Machine, group: number, concurrency: number) {
    const members = this.members.get(group) ?? []
    if (members.length >= mostMembers) return
    const bus = yield* this.opened()
    if (members.length > 0) this.lab.history.add({ _tag: "Happened", what: "join", detail: groupName(group) })
    yield* bus.consume(this.topic, {
      group: groupName(group),
      member: `${groupName(group)}.${++this.memberCount}`,
      concurrency,
      ackWait: "5 seconds",
      drainTimeout: 100,
      retry: Schedule.spaced(10).pipe(Schedule.upTo({ times: tries - 1 })),
      handle: this.handle(group)
    })
    this.groups.add(group)
    this.members.set(group, [...members, { bus, concurrency }])
  })

  private remove(
    group: number,
    end: (member: Member) => Effect.Effect<unknown, LawViolation>
  ): Effect.Effect<unknown, LawViolation> {
    const [oldest, ...rest] = this.members.get(group) ?? []
    if (oldest === undefined) return Effect.void
    this.members.set(group, rest)
    return end(oldest)
  }

  private readonly restart = Effect.fnUntraced(function*(this: Machine) {
    yield* this.mend()
    this.lab.history.add({ _tag: "Happened", what: "restart" })
    yield* this.closeAll()
    yield* this.lab.await("the broker restarts", this.lab.subject.restart ?? Effect.void)
    const before = [...this.members]
    this.members.clear()
    for (const [group, members] of before) {
      for (const { concurrency } of members) yield* this.subscribe(group, concurrency)
    }
  })

  private readonly closeAll = Effect.fnUntraced(function*(this: Machine) {
    const { publisher } = this
    this.publisher = undefined
    if (publisher !== undefined) yield* publisher.close
    for (const members of this.members.values()) for (const { bus } of members) yield* bus.close
  })

  private readonly cut = Effect.fnUntraced(function*(this: Machine) {
    if (this.isCut || this.lab.subject.cut === undefined || this.lab.subject.mend === undefined) return
    this.isCut = true
    this.lab.history.add({ _tag: "Happened", what: "cut" })
    yield* this.lab.await("the connection is cut", this.lab.subject.cut)
  })

  private readonly mend = Effect.fnUntraced(function*(this: Machine) {
    if (!this.isCut || this.lab.subject.mend === undefined) return
    this.isCut = false
    this.lab.history.add({ _tag: "Happened", what: "mend" })
    yield* this.lab.await("the connection is mended", this.lab.subject.mend)
  })

  /** Heals everything, lets every group catch up, and has it judged. */
  private readonly finish = Effect.fnUntraced(function*(this: Machine) {
    const { history } = this.lab
    yield* this.mend()
    this.misbehaviour.clear()
    yield* this.healed.open
    const groups = [...this.groups]
    for (const group of groups) {
      if ((this.members.get(group)?.length ?? 0) === 0) yield* this.subscribe(group, 4)
    }
    const { admin, publisher } = yield* this.bus()
    yield* this.lab.await("flush", publisher.flush)
    for (const told of this.told) yield* this.lab.await("a publish settles", told)
    for (const group of groups) {
      const lag = Effect.map(admin.backlog(this.topic, groupName(group)), (backlog) => backlog.lag === 0)
      yield* this.lab.eventually(`${groupName(group)} catches up`, lag)
    }
    yield* this.closeAll()
    const reader = yield* this.lab.bus({ reports: false })
    for (const group of groups) {
      const letters = yield* this.lab.await(
        "the dead letters are listed",
        reader.deadLetters.list(this.topic, { group: groupName(group) })
      )
      for (const { offset, partition, topic } of letters) {
        history.add({ _tag: "DeadLettered", group: groupName(group), topic, partition, offset })
      }
    }
    return yield* this.verdict(groups.map(groupName))
  })

  private readonly verdict = Effect.fnUntraced(function*(this: Machine, caughtUp: ReadonlyArray<string>) {
    const { capabilities, history: { entries }, subject } = this.lab
    const stored = yield* this.lab.stored(this.topic)
    const report = Checker.check({
      entries,
      stored,
      caughtUp,
      reported: true,
      unordered: !capabilities.ordered,
      noDuplicates: capabilities.deduplicates
    })
    yield* expect(report.violations.length === 0, () => Checker.format(report))
    const strict = subject.time === "test"
    const problems = judge({
      entries,
      stored,
      tries,
      // A broker that commits positions gives again what was done behind something unfinished, whoever ends gracefully.
      disturbances: strict ? disturbances : new Set([...disturbances, "join", "leave", "restart"])
    })
    if (problems.length > 0) return yield* violated(problems.join("\n"))
    return coverageOf(entries, report.figures)
  })
}

export const run = (lab: LabService, script: Script): Effect.Effect<Coverage, unknown> => new Machine(lab).run(script)
