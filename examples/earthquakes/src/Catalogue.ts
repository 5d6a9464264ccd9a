/**
 * A file of quakes, one JSON object per line.
 */
import { Data, Effect, FileSystem, Result, Schema, SchemaIssue, Stream } from "effect"
import { CliError } from "effect/cli"
import { Quake } from "./Earthquake.ts"

/** A line that is not a quake: where it is, and what is wrong, each problem with its place in the line's object. */
export interface Rejection {
  readonly line: number
  readonly problems: ReadonlyArray<string>
}

type StandardIssue = ReturnType<ReturnType<typeof SchemaIssue.makeFormatterStandardSchemaV1>>["issues"][number]

/** A file that cannot be read at all. */
export class UnreadableFile extends Data.TaggedError("UnreadableFile")<{
  readonly file: string
  readonly reason: string
}> {
  override get message(): string {
    return `cannot read ${this.file}: ${this.reason}`
  }
  override get [CliError.userMessage](): string {
    return this.message
  }
}

const decodeQuake = Schema.decodeUnknownExit(Quake, { errors: "all", reportInput: true })
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const rejected = (line: number, problems: ReadonlyArray<string>) => Result.fail<Rejection>({ line, problems })

/** The quake in a line, or all that is wrong with it. */
export const parseLine = (text: string, line: number): Result.Result<Quake, Rejection> => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return rejected(line, [`not JSON: ${error instanceof Error ? error.message : String(error)}`])
  }
  const exit = decodeQuake(json)
  if (exit._tag === "Success") return Result.succeed(exit.value)
  const problems = exit.cause.reasons.flatMap((reason) =>
    reason._tag === "Fail" ? issuesOf(reason.error.issue).issues.map(inWords) : []
  )
  return rejected(line, problems)
}

/** `magnitude: Expected number, got null` */
const inWords = ({ message, path = [] }: StandardIssue): string =>
  path.length === 0
    ? message
    : `${path.map((key) => String(typeof key === "object" ? key.key : key)).join(".")}: ${message}`

const reasons: Readonly<Record<string, string>> = {
  NotFound: "there is no such file",
  PermissionDenied: "permission denied",
  BadResource: "it is a directory"
}

/** The lines of a file, in order. Blank ones are passed over, and counted. */
export const lines = (
  file: string
): Stream.Stream<Result.Result<Quake, Rejection>, UnreadableFile, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(file))).pipe(
    Stream.mapError(({ reason }) =>
      new UnreadableFile({ file, reason: reasons[reason._tag] ?? reason.description ?? reason._tag })
    ),
    Stream.decodeText,
    Stream.splitLines,
    Stream.zipWithIndex,
    Stream.filter(([text]) => text.trim() !== ""),
    Stream.map(([text, index]) => parseLine(text, index + 1))
  )

/** A whole file. */
export interface Catalogue {
  readonly quakes: ReadonlyArray<Quake>
  /** The places in `quakes` that repeat an id: published like the others, and to be handled once. */
  readonly copies: ReadonlySet<number>
  readonly rejections: ReadonlyArray<Rejection>
}

/** Reads a whole file. It is read once, however often it is published. */
export const read = (file: string): Effect.Effect<Catalogue, UnreadableFile, FileSystem.FileSystem> =>
  Effect.map(Stream.runCollect(lines(file)), (results): Catalogue => {
    const quakes: Array<Quake> = []
    const copies = new Set<number>()
    const rejections: Array<Rejection> = []
    const ids = new Set<string>()
    for (const result of results) {
      if (Result.isFailure(result)) {
        rejections.push(result.failure)
        continue
      }
      if (ids.has(result.success.id)) copies.add(quakes.length)
      ids.add(result.success.id)
      quakes.push(result.success)
    }
    return { quakes, copies, rejections }
  })
