import type * as Checker from "@effect-eventbus/core/testing/Checker"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { run } from "./fixtures/load.ts"
import { NatsServer } from "./fixtures/natsServer.ts"
import { Proxy } from "./fixtures/proxy.ts"

const sleep = (millis: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, millis)
  })

const modes = ["window", "fastIngest"] as const

describe.each(modes)("%s", (mode) => {
  let server: NatsServer
  let proxy: Proxy

  beforeEach(async () => {
    server = new NatsServer()
    await server.start()
    proxy = new Proxy(server.url)
    await proxy.start()
  })

  afterEach(async () => {
    await proxy.stop()
    await server.stop()
  })

  /** What is wrong with a run: nothing may be lost, doubled, reordered, or take too long. */
  const problems = (report: Checker.Report, gapMillis: number): ReadonlyArray<string> => {
    const { acked, duplicates, ghosts, inversions, longestGapMillis, lost, unsettled } = report.figures
    const counts = Object.entries({ lost, unsettled, inversions, duplicates, ghosts }).filter(([, count]) => count > 0)
    return [
      ...counts.map(([what, count]) => `${what}: ${count}`),
      ...report.violations.map(({ message }) => message),
      ...(acked > 100 ? [] : [`only ${acked} acknowledged`]),
      ...(longestGapMillis < gapMillis ? [] : [`nothing acknowledged for ${longestGapMillis} ms`])
    ]
  }

  test("F01: no fault", async () => {
    expect(
      problems(
        await run({
          name: "f01",
          mode,
          url: server.url,
          direct: server.url,
          inject: () => Promise.resolve(1)
        }),
        1000
      )
    ).toEqual([])
  })

  test("F02: the server is killed and restarted a second later", async () => {
    const inject = async () => {
      await server.kill()
      await sleep(1000)
      await server.start()
      return server.injected
    }
    expect(problems(await run({ name: "f02", mode, url: server.url, direct: server.url, inject }), 3000)).toEqual([])
  })

  test("F05: the server stops for four seconds", async () => {
    const inject = async () => {
      server.pause()
      await sleep(4000)
      server.resume()
      return server.injected
    }
    expect(problems(await run({ name: "f05", mode, url: server.url, direct: server.url, inject }), 5500)).toEqual([])
  })

  test("F12: connections are reset, ten times", async () => {
    const inject = async () => {
      for (let i = 0; i < 10; i++) {
        proxy.cut()
        await sleep(50)
        proxy.mend()
        await sleep(600)
      }
      return proxy.cuts
    }
    expect(problems(await run({ name: "f12", mode, url: proxy.url, direct: server.url, inject }), 2000)).toEqual([])
  })

  test("F13: a link of 200 KB/s, with more unsettled than it takes in a second", async () => {
    const inject = async () => {
      proxy.throttle(200_000)
      await sleep(4000)
      proxy.mend()
      return 1
    }
    const bus = { maxPending: 2000 }
    expect(
      problems(
        await run({ name: "f13", mode, url: proxy.url, direct: server.url, inject, bus, text: "x".repeat(200) }),
        4000
      )
    ).toEqual([])
  })

  test("F14: acknowledgements are lost", async () => {
    const inject = async () => {
      for (let i = 0; i < 3; i++) {
        proxy.dropAcks(5)
        await sleep(1500)
      }
      return proxy.dropped
    }
    expect(problems(await run({ name: "f14", mode, url: proxy.url, direct: server.url, inject }), 15_000)).toEqual([])
  })
})
