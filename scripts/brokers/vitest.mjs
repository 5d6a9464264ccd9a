// Global setup of the vitest project "integration": a broker of its own for the run, and where it is in NATS_URL.
// Without one the run fails and says what to install; no test is skipped.
import { up } from "./nats.mjs"
import { natsServer } from "./natsServer.mjs"

/** @param {string} line */
const log = (line) => process.stderr.write(`nats: ${line}\n`)

export default async () => {
  const given = process.env["NATS_URL"]
  const { stop, url } = await up({ log })
  process.env["NATS_URL"] = url
  // fault tests start servers that they may kill
  process.env["NATS_SERVER"] = await natsServer(log)
  return async () => {
    if (given === undefined) delete process.env["NATS_URL"]
    await stop()
  }
}
