/**
 * Ports on the loopback for servers that listen a while after their port was chosen.
 *
 * They lie below the ranges from which kernels give ports to outgoing connections (from 32768 on Linux, from 49152
 * elsewhere): a port that the kernel chose is taken by the next client's connection as soon as it was given back, and a
 * Kafka needs its ports seconds later.
 */
import { randomInt } from "node:crypto"
import net from "node:net"

const lowest = 12_000
const highest = 32_000

/** Not given twice in one process, whatever became of the server. */
const given = new Set<number>()

const free = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = net.createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

/** A port that nobody listens at. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < 1000; tries++) {
    const port = randomInt(lowest, highest)
    if (given.has(port)) continue
    given.add(port)
    if (await free(port)) return port
  }
  throw new Error(`no free port between ${lowest} and ${highest}`)
}
