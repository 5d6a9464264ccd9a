/**
 * Issues, from whatever found them.
 */
import { type SchemaAST, SchemaIssue } from "effect"
import * as PublishError from "../PublishError.ts"

export type Path = ReadonlyArray<string | number>

/** Most issues that are reported of one envelope: a wrong array of a million elements is not a million messages. */
export const maxIssues = 32

const format = SchemaIssue.makeFormatterStandardSchemaV1()

export const issue = (path: Path, message: string): PublishError.Issue => ({ path, message })

const maxNodes = 1000

const countNodes = (value: unknown, left: number): number => {
  let rest = left - 1
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return rest
  for (const member of Object.values(value)) {
    if (rest <= 0) return rest
    rest = countNodes(member, rest)
  }
  return rest
}

/**
 * How many issues a schema should look for in a value that it has refused once. All of them, but of a large value only
 * the first: each one costs time and memory, however many are reported in the end. The value has no cycles.
 */
export const errorsOf = (value: unknown): SchemaAST.ParseOptions => ({
  errors: countNodes(value, maxNodes) > 0 ? "all" : "first"
})

/** What came of something that is not valid, where the other outcome may be any value at all. */
export class Invalid {
  readonly issues: ReadonlyArray<PublishError.Issue>
  constructor(issues: ReadonlyArray<PublishError.Issue>) {
    this.issues = issues
  }
}

/** The issues of a schema, with paths from the envelope down. */
export const fromSchema = (schemaIssue: SchemaIssue.Issue, prefix: Path): Array<PublishError.Issue> =>
  format(schemaIssue).issues.slice(0, maxIssues).map(({ message, path }) => ({
    path: [
      ...prefix,
      ...(path ?? []).map((segment) => {
        const key = typeof segment === "object" ? segment.key : segment
        return typeof key === "symbol" ? String(key) : key
      })
    ],
    message
  }))

export const invalidEnvelope = (issues: ReadonlyArray<PublishError.Issue>): PublishError.InvalidEnvelope => {
  const [first = issue([], "is not valid"), ...others] = issues
  return new PublishError.InvalidEnvelope({ issues: [first, ...others.slice(0, maxIssues - 1)] })
}
