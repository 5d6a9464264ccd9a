import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import * as Catalogue from "../src/Catalogue.ts"
import type { Quake } from "../src/Earthquake.ts"
import { aQuake, catalogueFile } from "./fixtures/quakes.ts"

const problemsOf = (text: string): ReadonlyArray<string> => {
  const result = Catalogue.parseLine(text, 1)
  return Result.isFailure(result) ? result.failure.problems : []
}

const problemsOfQuake = (quake: Record<string, unknown>) => problemsOf(JSON.stringify({ ...aQuake, ...quake }))

const readText = (text: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped()
    yield* fs.writeFileString(file, text)
    return yield* Catalogue.read(file)
  }).pipe(Effect.provide(NodeFileSystem.layer))

describe("a line", () => {
  it("is a quake, and keys that nobody knows are left out", () => {
    const result = Catalogue.parseLine(JSON.stringify({ ...aQuake, alert: "green" }), 1)
    assert.deepStrictEqual(result, Result.succeed<Quake>(aQuake))
  })

  it("may have no number of stations, and a negative magnitude and depth", () => {
    assert.deepStrictEqual(problemsOfQuake({ stations: null, magnitude: -0.8, depthKm: -2.79 }), [])
  })

  it.each(
    [
      ["not JSON", "nope", "not JSON: "],
      ["half a line", "{\"id\":\"us1\",", "not JSON: "],
      ["an array", "[]", "Expected object, got []"],
      ["null", "null", "Expected object, got null"]
    ] as const
  )("that is %s is rejected as a whole", (_, text, problem) => {
    const [first = ""] = problemsOf(text)
    assert.isTrue(first.startsWith(problem), first)
  })

  it.each(
    [
      ["magnitude", null],
      ["magnitude", "3.1"],
      ["depthKm", undefined],
      ["network", "a b"],
      ["network", ""],
      ["id", " "],
      ["id", "a\nb"],
      ["time", 1.5],
      ["latitude", 91],
      ["longitude", -181],
      ["stations", "many"],
      ["tsunami", 0],
      ["place", 7]
    ] as const
  )("with a wrong %s is rejected with its path: %j", (key, value) => {
    const problems = problemsOfQuake({ [key]: value })
    assert.lengthOf(problems, 1)
    assert.isTrue(problems[0]?.startsWith(`${key}: `), problems[0])
  })

  it("is told all that is wrong with it", () => {
    assert.lengthOf(problemsOfQuake({ magnitude: "large", place: null, latitude: 100 }), 3)
  })
})

describe("a file", () => {
  it.effect("is the USGS catalogue: 1,707 quakes, each of them sound", () =>
    Effect.gen(function*() {
      const { copies, quakes, rejections } = yield* Catalogue.read(catalogueFile).pipe(
        Effect.provide(NodeFileSystem.layer)
      )
      assert.strictEqual(quakes.length, 1707)
      assert.strictEqual(copies.size, 0)
      assert.deepStrictEqual(rejections, [])
    }))

  it.effect("keeps line numbers over blank lines, Windows line ends and a last line without one", () =>
    Effect.gen(function*() {
      const quake = JSON.stringify(aQuake)
      const { quakes, rejections } = yield* readText(`${quake}\r\n\r\n  \nwrong\n${quake.replace("us1", "us2")}`)
      assert.deepStrictEqual(quakes.map(({ id }) => id), ["us1", "us2"])
      assert.deepStrictEqual(rejections.map(({ line }) => line), [4])
    }))

  it.effect("may have an id twice: the second one is a copy", () =>
    Effect.gen(function*() {
      const { copies, quakes } = yield* readText(
        [1, 2, 1].map((n) => JSON.stringify({ ...aQuake, id: `us${n}` })).join("\n")
      )
      assert.strictEqual(quakes.length, 3)
      assert.deepStrictEqual([...copies], [2])
    }))

  it.effect("may be empty", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* readText("")).quakes, [])
    }))

  it.effect.each([["/nowhere/at/all", "no such file"], [import.meta.dirname, "directory"]] as const)(
    "that is %s cannot be read, and says why",
    ([file, why]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Catalogue.read(file).pipe(Effect.provide(NodeFileSystem.layer)))
        assert.include(error.message, file)
        assert.include(error.message, why)
      })
  )
})
