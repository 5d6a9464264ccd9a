/**
 * How far a long run has got: a bar on a terminal, a line now and then elsewhere. On stderr; stdout belongs to figures.
 */
import { Effect } from "effect"

export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly write: (text: string) => unknown
}

const width = 24

const time = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

/** One line of at most so many columns. */
export const line = (
  fields: { readonly share: number; readonly elapsedMillis: number; readonly what: string },
  columns: number
): string => {
  const { elapsedMillis, share, what } = fields
  const full = Math.round(Math.min(1, share) * width)
  const left = share > 0.02 ? `${time(elapsedMillis * (1 - share) / share)} left` : ""
  const percent = String(Math.floor(Math.min(1, share) * 100)).padStart(3)
  const text = `${"█".repeat(full)}${"░".repeat(width - full)} ${percent} %  ${time(elapsedMillis)}  ${
    left === "" ? "" : `${left}  `
  }${what}`
  return text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`
}

/** Steps have a weight: about how many seconds they take. */
export class Progress {
  readonly #output: Output
  readonly #started = performance.now()
  readonly #total: number
  #done = 0
  #what = ""
  #chapter = ""
  #ticking: NodeJS.Timeout | undefined

  constructor(total: number, output: Output = process.stderr) {
    this.#total = Math.max(total, 1)
    this.#output = output
  }

  /** Wraps what is being done, and counts it as done afterwards. A new chapter is a line where there is no terminal. */
  step<A, E, R>(
    step: { readonly chapter: string; readonly what: string; readonly weight: number },
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.#what = `${step.chapter}: ${step.what}`
      if (this.#output.isTTY !== true && this.#chapter !== step.chapter) {
        this.#output.write(
          `${time(performance.now() - this.#started)} ${Math.floor(this.#done / this.#total * 100)} % ${step.chapter}\n`
        )
      }
      this.#chapter = step.chapter
      this.#draw()
      return effect
    }).pipe(
      Effect.ensuring(Effect.sync(() => {
        this.#done += step.weight
      }))
    )
  }

  readonly #draw = (): void => {
    if (this.#output.isTTY !== true) return
    const text = line(
      { share: this.#done / this.#total, elapsedMillis: performance.now() - this.#started, what: this.#what },
      this.#output.columns ?? 80
    )
    this.#output.write(`\r${text}\x1b[K`)
  }

  /** What is being done within a step. */
  at(what: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#what = `${this.#chapter}: ${what}`
      this.#draw()
    })
  }

  /** Says something above the bar. */
  say(text: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#output.write(this.#output.isTTY === true ? `\r\x1b[K${text}\n` : `${text}\n`)
      this.#draw()
    })
  }

  /** The bar lives as long as the effect. */
  during<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        if (this.#output.isTTY === true) this.#ticking = setInterval(this.#draw, 1000).unref()
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          clearInterval(this.#ticking)
          if (this.#output.isTTY === true) this.#output.write("\r\x1b[K")
        })
    )
  }
}
