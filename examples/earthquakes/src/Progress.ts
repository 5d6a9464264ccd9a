/**
 * How far a run is, on standard error: one line that is redrawn on a terminal, a line now and then elsewhere.
 */
import { Effect } from "effect"
import type { Run } from "./Run.ts"
import { integer, type Style, styleOf } from "./Style.ts"

const redrawMillis = 100
const lineMillis = 2000
/** Speed is that of the last seconds, not of the warm-up. */
const speedMillis = 2000
const maxBar = 28

interface Sample {
  readonly at: number
  readonly done: number
}

export interface Picture {
  readonly done: number
  readonly total: number
  /** Events per second; `undefined` where it cannot be told yet. */
  readonly speed: number | undefined
}

const percent = ({ done, total }: Picture): number => total === 0 ? 100 : Math.floor(done / total * 100)

const timeLeft = ({ done, speed, total }: Picture): string => {
  if (speed === undefined || speed <= 0 || done >= total) return ""
  const seconds = Math.ceil((total - done) / speed)
  return seconds < 120 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`
}

const pace = ({ speed }: Picture): string => speed === undefined ? "" : `  ${integer(speed)}/s`

/** Room for the speed and the time left, so that the bar keeps its length while they change theirs. */
const tail = "  100,000/s, 59 min left".length

/** One line for a terminal of so many columns. */
export const bar = (picture: Picture, style: Style, columns: number): string => {
  const share = `${String(percent(picture)).padStart(3)}%`
  const words = `${integer(picture.done)} of ${integer(picture.total)} handled${pace(picture)}${timeLeft(picture)}`
  const longest = 2 * integer(picture.total).length + " of  handled".length + tail
  const width = Math.min(maxBar, columns - longest - share.length - 5)
  if (width < 8) return `${share}  ${words}`.slice(0, Math.max(0, columns - 1))
  const filled = picture.total === 0 ? width : Math.floor(picture.done / picture.total * width)
  return ` ${style.bar(filled, width - filled)} ${share}  ${words}`
}

/** One line for a log. */
export const line = (picture: Picture): string =>
  `${integer(picture.done)} of ${integer(picture.total)} handled (${percent(picture)}%)${pace(picture)}${
    timeLeft(picture)
  }`

/** Shows the progress of a run while `work` goes on, and how far it came at the end. */
export const during = <A, E, R>(run: Run, total: number, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const stream = process.stderr
  const style = styleOf(stream)
  const live = stream.isTTY
  const samples: Array<Sample> = []
  let written = ""
  const draw = (): void => {
    const now = performance.now()
    const done = run.handledByAll
    samples.push({ at: now, done })
    while (samples.length > 2 && now - samples[0]!.at > speedMillis) samples.shift()
    const first = samples[0]!
    const elapsed = now - first.at
    const picture = { done, total, speed: elapsed < redrawMillis ? undefined : (done - first.done) / elapsed * 1000 }
    const text = live ? bar(picture, style, stream.columns) : line(picture)
    if (text === written) return
    written = text
    stream.write(live ? `\r${text}\x1b[K` : `${text}\n`)
  }
  const ticker = Effect.forever(
    Effect.andThen(Effect.sleep(live ? redrawMillis : lineMillis), Effect.sync(draw)),
    { disableYield: true }
  )
  return Effect.acquireUseRelease(
    Effect.sync(() => {
      if (live) draw()
      else samples.push({ at: performance.now(), done: 0 })
    }),
    () => Effect.raceFirst(work, ticker),
    () =>
      Effect.sync(() => {
        draw()
        if (live) stream.write("\n")
      })
  )
}
