// pnpm brokers up|down|status [nats|kafka]: real brokers for tests, examples and benches, started by the project.
//
// Without a name: all that there are. `up` prints one line per broker, `NATS_URL=nats://127.0.0.1:...`, on stdout.
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** @typedef {{ up: (options?: import("./brokers/common.mjs").UpOptions) => Promise<import("./brokers/common.mjs").Running>,
 *   status: () => Promise<import("./brokers/common.mjs").Status>, down: () => Promise<import("./brokers/common.mjs").Status> }} BrokerModule */

const variables = { nats: "NATS_URL", kafka: "KAFKA_BOOTSTRAP" }

/** @param {string} name */
const file = (name) => new URL(`brokers/${name}.mjs`, import.meta.url)

const names = /** @type {Array<keyof typeof variables>} */ (Object.keys(variables)).filter((name) =>
  existsSync(fileURLToPath(file(name)))
)

const [command = "status", ...wanted] = process.argv.slice(2)
const unknown = wanted.filter((name) => !names.some((known) => known === name))

/** @param {keyof typeof variables} name */
const run = async (name) => {
  /** @type {BrokerModule} */
  const broker = await import(file(name).href)
  if (command === "up") {
    const { url } = await broker.up({ detached: true, log: (line) => process.stderr.write(`${name}: ${line}\n`) })
    process.stderr.write(`${name}: running at ${url}\n`)
    // the variable of Kafka holds host:port
    process.stdout.write(`${variables[name]}=${name === "kafka" ? url.replace("kafka://", "") : url}\n`)
    return true
  }
  const { note, running, url } = command === "down" ? await broker.down() : await broker.status()
  process.stdout.write(`${name}: ${running ? `running at ${url}` : "not running"} (${note})\n`)
  return command === "down" || running
}

if (!["up", "down", "status"].includes(command) || unknown.length > 0) {
  process.stderr.write(`usage: brokers up|down|status [${names.join("|")}]\n`)
  process.exitCode = 2
} else {
  for (const name of wanted.length === 0 ? names : names.filter((known) => wanted.includes(known))) {
    try {
      if (!await run(name)) process.exitCode = 1
    } catch (error) {
      process.stderr.write(`${name}: ${error instanceof Error ? error.message : error}\n`)
      process.exitCode = 1
    }
  }
}
