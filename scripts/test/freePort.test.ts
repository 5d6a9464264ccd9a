import net from "node:net"
import { describe, expect, it } from "vitest"
import { freePort } from "../testing/freePort.ts"

const listen = (port: number): Promise<net.Server> =>
  new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once("error", reject)
    server.listen(port, "127.0.0.1", () => resolve(server))
  })

describe("freePort", () => {
  it("never gives one twice, nor one that a client's connection could get", async () => {
    const ports = await Promise.all(Array.from({ length: 200 }, freePort))
    expect(new Set(ports).size).toBe(200)
    expect(Math.max(...ports)).toBeLessThan(32_768)
  })

  it("gives one that a server can listen at", async () => {
    const server = await listen(await freePort())
    expect(server.listening).toBe(true)
    await new Promise((resolve) => {
      server.close(resolve)
    })
  })
})
