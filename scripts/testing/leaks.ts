// Looks for planted secrets in everything that a failure can be printed as.
import { Cause, Effect, Exit, Logger, References } from "effect"
import { inspect } from "node:util"

/** What an error shows to somebody who looks into it: own properties, hidden ones too, and bytes as text. */
const shown = (value: unknown, seen: Set<object>, depth: number, out: Array<string>): void => {
  if (typeof value === "string") out.push(value)
  if (typeof value !== "object" || value === null || seen.has(value) || depth > 12) return
  seen.add(value)
  if (value instanceof Uint8Array) {
    out.push(Buffer.from(value).toString("latin1"))
    return
  }
  if (value instanceof Map) { for (const [key, one] of value) shown([key, one], seen, depth + 1, out) }
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key)
    if (property !== undefined && "value" in property) shown(property.value, seen, depth + 1, out)
  }
}

const asJson = (error: unknown): string => {
  try {
    return JSON.stringify(error, (_, value: unknown) => typeof value === "bigint" ? String(value) : value) ?? ""
  } catch {
    // A circle, as in what Node tells of a certificate: nobody logs it like that.
    return ""
  }
}

/** All the ways in which an error gets into a log. */
export const printed = (error: unknown): string => {
  const out: Array<string> = [
    String(error),
    inspect(error, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    Cause.pretty(Cause.fail(error)),
    asJson(error)
  ]
  shown(error, new Set(), 0, out)
  return out.join("\n")
}

/** The secrets that stand in `text`: as they are, in base64, in hexadecimal. */
export const leaked = (text: string, secrets: ReadonlyArray<string>): ReadonlyArray<string> =>
  secrets.filter((secret) =>
    [secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), Buffer.from(secret).toString("hex")]
      .some((form) => text.includes(form))
  )

/** What was logged while an effect ran: by Effect, on the console, on stdout and stderr. */
export interface Watched<A, E> {
  readonly exit: Exit.Exit<A, E>
  readonly log: string
  readonly millis: number
}

/** Runs an effect, logs its failure as an application would, and keeps everything that was written. */
export const watch = async <A, E>(effect: Effect.Effect<A, E>): Promise<Watched<A, E>> => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((options) => {
    lines.push(Logger.formatJson.log(options), Logger.formatLogFmt.log(options), Cause.pretty(options.cause))
    lines.push(inspect(options.message, { depth: Infinity }))
  })
  const streams = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write.bind(stream)
    stream.write = (chunk: unknown): boolean => {
      lines.push(
        typeof chunk === "string" ? chunk : Buffer.from(chunk instanceof Uint8Array ? chunk : []).toString("latin1")
      )
      return true
    }
    return () => {
      stream.write = write
    }
  })
  const methods = ["log", "info", "warn", "error", "debug"] as const
  const consoles = methods.map((method) => {
    const own = console[method]
    console[method] = (...given: ReadonlyArray<unknown>) => {
      lines.push(inspect(given, { depth: Infinity }))
    }
    return () => {
      console[method] = own
    }
  })
  const started = performance.now()
  try {
    const exit = await Effect.runPromise(
      Effect.exit(effect).pipe(
        Effect.tap((done) => Exit.isFailure(done) ? Effect.logError("it failed", done.cause) : Effect.void),
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "All")
      )
    )
    const millis = performance.now() - started
    if (Exit.isFailure(exit)) {
      lines.push(...Cause.prettyErrors(exit.cause).map(printed), printed(Cause.squash(exit.cause)))
    }
    return { exit, log: lines.join("\n"), millis }
  } finally {
    for (const restore of [...streams, ...consoles]) restore()
  }
}
