/**
 * Members in processes of their own, which can be killed, paused and asked to end, and what they have written down.
 */
import type { Entry } from "@effect-eventbus/core/testing/History"
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { type Live, Stalled, until } from "../live.ts"
import type { Lab } from "./lab.ts"
import type { Settings, Stamped } from "./lines.ts"

const main = new URL("./member.ts", import.meta.url).pathname

export class MemberProcess {
  readonly name: string
  readonly lines: Array<Stamped> = []
  readonly signals: Array<{ readonly signal: NodeJS.Signals; readonly at: number }> = []
  /** What it said otherwise. */
  errors = ""
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  constructor(settings: Settings) {
    this.name = settings.member
    const child = spawn(process.execPath, [main, JSON.stringify(settings)], { stdio: ["ignore", "pipe", "pipe"] })
    this.#child = child
    const lines = createInterface({ input: child.stdout })
    // The lines before the one that tells of the end.
    const read = new Promise<void>((resolve) => lines.once("close", () => resolve()))
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
    lines.on("line", (line) => {
      // What ends the process is printed there, too.
      if (line.startsWith("{\"_tag\"")) this.lines.push(JSON.parse(line))
      else this.errors += `${line}\n`
    })
    child.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString()
    })
    this.#ended = Promise.all([read, exited])
  }

  get code(): number | null {
    return this.#child.exitCode
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.running) return
    this.signals.push({ signal, at: performance.timeOrigin + performance.now() })
    this.#child.kill(signal)
  }

  /** Completes when it has ended, by whatever. */
  readonly ended: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(Effect.promise(() => this.#ended)))

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.signal("SIGKILL")
    return this.ended
  })

  count(tag: Stamped["_tag"]): number {
    return this.lines.reduce((sum, { _tag }) => sum + (_tag === tag ? 1 : 0), 0)
  }

  /** Completes when it has said so many of these. */
  said(tag: Stamped["_tag"], times = 1, millis = 60_000): Effect.Effect<void, Stalled> {
    return Effect.flatMap(
      until(() => !this.running || this.count(tag) >= times, millis, 20),
      () =>
        this.count(tag) >= times
          ? Effect.void
          : Effect.fail(new Stalled({ what: `${this.name} has not said ${times} times "${tag}": ${this.errors}` }))
    )
  }
}

/** What most members are like. */
export const defaults = ({ cluster }: Lab, { topic }: Live) => ({
  bootstrap: cluster.bootstrap,
  topic: topic.name,
  handleMillis: 5,
  concurrency: 16,
  drainMillis: 5000,
  publishes: false,
  sessionMillis: 6000,
  requestMillis: 2000
})

/** A member for the length of a scope. */
export const spawnMember = (settings: Settings): Effect.Effect<MemberProcess, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => new MemberProcess(settings)), (own) => own.kill)

/** The same; it has its assignment when this completes. */
export const startMember = (settings: Settings): Effect.Effect<MemberProcess, Stalled, Scope.Scope> =>
  Effect.tap(spawnMember(settings), (own) => own.said("Ready"))

type Ended = Extract<Stamped, { readonly _tag: "Ended" }>

/** What it had begun and not ended when a signal came, as interrupted then. */
const cutOff = (
  lines: ReadonlyArray<Stamped>,
  { at, signal }: { readonly at: number; readonly signal: NodeJS.Signals }
): ReadonlyArray<Ended> => {
  const running = new Map<number, number>()
  for (const line of lines) {
    // A signal takes a moment to arrive: what was begun in that moment died, too.
    if (line.at > at && signal !== "SIGKILL") break
    if (line._tag === "Started") running.set(line.run, line.at)
    else if (line._tag === "Ended") running.delete(line.run)
  }
  return Array.from(running, ([run, begun]) => ({
    _tag: "Ended",
    run,
    outcome: "interrupted",
    // Behind its beginning, also where entries are ordered by time.
    at: Math.max(at, begun + 0.001)
  }))
}

/**
 * What others may see of a member. It is gone from the moment that it is killed or frozen, so that what it had begun does
 * not count as running beside what its heirs begin; and what it begins after it has thawed, before it can know that the
 * group went on without it, is told apart: Kafka fences commits, not handlers.
 */
const seen = ({ lines, signals }: MemberProcess) => {
  const gone = signals.flatMap((one) => one.signal === "SIGKILL" || one.signal === "SIGSTOP" ? cutOff(lines, one) : [])
  const windows = signals.flatMap(({ at: from, signal }) =>
    signal === "SIGCONT"
      ? [{ from, to: lines.find(({ _tag, at }) => _tag === "Assigned" && at > from)?.at ?? Infinity }]
      : []
  )
  const early = ({ _tag, at }: Stamped) => _tag === "Started" && windows.some(({ from, to }) => at > from && at < to)
  return { visible: [...lines.filter((line) => !early(line)), ...gone], unaware: lines.filter(early).length }
}

/** Handlers that a thawed member started before it learnt that the group had gone on without it. */
export const startedUnaware = (members: ReadonlyArray<MemberProcess>): number =>
  members.reduce((sum, member) => sum + seen(member).unaware, 0)

const rank = ({ _tag }: Stamped): number => _tag === "Ended" ? 0 : 1

/** The lines of several processes as one history. Runs and issues are numbered anew. */
export const entriesOf = (members: ReadonlyArray<MemberProcess>): ReadonlyArray<Entry> => {
  const all = members.flatMap((member, i) =>
    seen(member).visible.map((line) => ({ line, more: (i + 1) * 100_000_000 }))
  )
    .toSorted((a, b) => a.line.at - b.line.at || rank(a.line) - rank(b.line))
  return all.flatMap(({ line, more }): ReadonlyArray<Entry> => {
    switch (line._tag) {
      case "Started": {
        const { offset, revoked: _, run, ...rest } = line
        return [{ ...rest, run: run + more, offset: BigInt(offset) }]
      }
      case "Ended":
        return [{ ...line, run: line.run + more }]
      case "Issued":
      case "Settled":
        return [{ ...line, issue: line.issue + more }]
      default:
        return []
    }
  })
}

/** Handlers that were started although the driver had said before that the partition is not this member's any more. */
export const startedAfterRevocation = (members: ReadonlyArray<MemberProcess>): number =>
  members.reduce(
    (sum, { lines }) => sum + lines.reduce((own, line) => own + (line._tag === "Started" && line.revoked ? 1 : 0), 0),
    0
  )

/** Handlers that ended well more than once for one event, over all members. */
export const repeats = (members: ReadonlyArray<MemberProcess>): number => {
  const done = new Map<string, number>()
  for (const { lines } of members) {
    const runs = new Map(lines.flatMap((line) => line._tag === "Started" ? [[line.run, line.eventId] as const] : []))
    for (const line of lines) {
      if (line._tag !== "Ended" || line.outcome !== "done") continue
      const eventId = runs.get(line.run) ?? ""
      done.set(eventId, (done.get(eventId) ?? 0) + 1)
    }
  }
  return [...done.values()].reduce((sum, times) => sum + times - 1, 0)
}

/** Waits until the members together have handled all that was acknowledged. */
export const caughtUp = Effect.fnUntraced(function*(live: Live, members: ReadonlyArray<MemberProcess>) {
  const behind = (): number => {
    const handled = new Set<string>()
    for (const { lines } of members) {
      const runs = new Map<number, string>()
      for (const line of lines) {
        if (line._tag === "Started") runs.set(line.run, line.eventId)
        else if (line._tag === "Ended" && line.outcome === "done") handled.add(runs.get(line.run) ?? "")
      }
    }
    const missing = (lines: ReadonlyArray<Entry | Stamped>): number =>
      lines.filter((line) => line._tag === "Settled" && line.outcome === "acked" && !handled.has(line.eventId)).length
    return members.reduce((sum, { lines }) => sum + missing(lines), missing(live.history.entries))
  }
  if (!(yield* until(() => behind() === 0, 60_000, 200))) {
    live.violation(
      `I9: ${behind()} acknowledged events were not handled: ${members.map(({ errors }) => errors).join()}`
    )
  }
})
