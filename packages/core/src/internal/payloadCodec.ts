/**
 * The payloads of one event, to JSON values and back, for every version that it can read.
 */
import { Cause, Exit, Schema, SchemaAST, type SchemaIssue, SchemaParser } from "effect"
import * as JIT from "effect/schema/SchemaJITCompiler"
import type * as Event from "../Event.ts"
import { errorsOf, fromSchema, Invalid, issue } from "./issues.ts"
import { payloadProblem } from "./jsonText.ts"

export interface PayloadCodec {
  /** The JSON value of a payload of the current version. Never throws. */
  readonly encode: (payload: unknown) => unknown
  /** The payload, brought up to the current version. `undefined` where the version is unknown. Never throws. */
  readonly decode: (version: number, json: unknown) => Decoded | Invalid | undefined
}

/** A box, because a payload may be `undefined`. */
export interface Decoded {
  readonly payload: unknown
}

const path = ["payload"]

type Convert = (input: unknown) => unknown

type Explain = (input: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>

const toInvalid = (explain: Explain, input: unknown): Invalid => {
  const exit = explain(input)
  // A schema that is asynchronous, or throws
  const failure = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason) : undefined
  return new Invalid(
    failure === undefined ? [issue(path, "could not be converted")] : fromSchema(failure.error, path)
  )
}

// The converters return plain values and throw only for what is invalid; the issues are then found in a second pass,
// which costs valid payloads nothing.
const guarded = (convert: Convert, explain: Explain): Convert => (input) => {
  try {
    return convert(input)
  } catch {
    try {
      return toInvalid(explain, input)
    } catch (error) {
      return new Invalid([issue(path, `could not be converted: ${String(error)}`)])
    }
  }
}

const makeDecode = (schema: Event.PayloadSchema): Convert => {
  const codec = Schema.toCodecJson(schema)
  JIT.enable(codec.ast)
  // The first issue only: bytes from outside do not decide how much we say about them.
  return guarded(SchemaParser.decodeUnknownSync(codec), SchemaParser.decodeUnknownExit(codec))
}

const makeEncode = (schema: Event.PayloadSchema): Convert => {
  const codec = Schema.toCodecJson(schema)
  JIT.enable(SchemaAST.flip(codec.ast))
  const explain = SchemaParser.encodeUnknownExit(codec)
  const encode = guarded(
    SchemaParser.encodeUnknownSync(codec),
    (input) => explain(input, errorsOf(input))
  )
  return (payload) => {
    const problem = payloadProblem(payload)
    return problem === undefined ? encode(payload) : new Invalid([{ ...problem, path: [...path, ...problem.path] }])
  }
}

export const make = (event: Event.Any): PayloadCodec => {
  const current = makeDecode(event.payload)
  const isCurrent = SchemaParser.is(event.payload)
  const older = new Map(
    Array.from(event.upcasts, ([version, upcast]) => [version, makeDecode(upcast.payload)] as const)
  )

  const upcast = (from: number, payload: unknown): Decoded | Invalid => {
    let value = payload
    for (let version = from; version < event.version; version++) {
      try {
        value = event.upcasts.get(version)?.to(value)
      } catch (error) {
        return new Invalid([issue(path, `the upcast of version ${version} threw: ${String(error)}`)])
      }
    }
    return isCurrent(value)
      ? { payload: value }
      : new Invalid([
        issue(path, `the upcast from version ${from} does not give a payload of version ${event.version}`)
      ])
  }

  return {
    encode: makeEncode(event.payload),
    decode: (version, json) => {
      if (version === event.version) {
        const payload = current(json)
        return payload instanceof Invalid ? payload : { payload }
      }
      const decode = older.get(version)
      if (decode === undefined) return undefined
      const payload = decode(json)
      return payload instanceof Invalid ? payload : upcast(version, payload)
    }
  }
}
