// compose.yaml cannot be run everywhere; what it says can be compared with what scripts/brokers does.
import { readFileSync } from "node:fs"
import path from "node:path"
import { assert, describe, it } from "vitest"
import { parse } from "yaml"
import { version as kafkaVersion } from "../brokers/kafka.mjs"
import { version as natsVersion } from "../brokers/natsServer.mjs"

const root = path.resolve(import.meta.dirname, "../..")
const read = (file: string): string => readFileSync(path.join(root, file), "utf8")

interface Service {
  readonly image: string
  readonly command?: ReadonlyArray<string>
  readonly ports: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string | number>>
  readonly volumes: ReadonlyArray<string>
}

const compose: {
  readonly services: { readonly nats: Service; readonly kafka: Service }
  readonly volumes: Readonly<Record<string, unknown>>
} = parse(read("compose.yaml"))

/** What the image of Kafka calls a property. */
const variable = (property: string): string => `KAFKA_${property.toUpperCase().replaceAll(".", "_")}`

/** Addresses and folders are others in a container, and there is no proxy before it. */
const elsewhere = new Set([
  "listeners",
  "advertised.listeners",
  "listener.security.protocol.map",
  "controller.quorum.voters",
  "log.dirs"
])

describe("compose.yaml", () => {
  it("runs the versions of the scripts", () => {
    const { kafka, nats } = compose.services
    assert.strictEqual(nats.image, `nats:${natsVersion}-alpine`)
    assert.strictEqual(kafka.image, `apache/kafka:${kafkaVersion}`)
    assert.include(read("scripts/brokers/kafka/pom.xml"), `<version>${kafkaVersion}</version>`)
  })

  it("listens on the loopback alone, and keeps data in volumes that it names", () => {
    for (const { ports, volumes } of Object.values(compose.services)) {
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:/)
      for (const volume of volumes) assert.property(compose.volumes, volume.split(":")[0] ?? "")
    }
  })

  it("gives Kafka the settings of the scripts, and no others", () => {
    const environment = compose.services.kafka.environment ?? {}
    const properties = read("scripts/brokers/kafka/server.properties").split("\n").flatMap((line) => {
      const [, name = "", value = ""] = /^([a-z.]+)=(.*)$/.exec(line) ?? []
      return name === "" ? [] : [{ name, value: value.replace("${node}", "1").replace("${replicas}", "1") }]
    })
    assert.isAbove(properties.length, 20)
    for (const { name, value } of properties) {
      if (elsewhere.has(name)) assert.property(environment, variable(name))
      else assert.strictEqual(String(environment[variable(name)]), value, name)
    }
    assert.sameMembers(Object.keys(environment), properties.map(({ name }) => variable(name)))
  })

  it("tells Kafka's clients to come where it listens", () => {
    const { environment = {}, ports } = compose.services.kafka
    const [host, port] = ports[0]?.split(":") ?? []
    assert.strictEqual(environment["KAFKA_ADVERTISED_LISTENERS"], `PLAINTEXT://${host}:${port}`)
    assert.include(read("compose.yaml"), `KAFKA_BOOTSTRAP=${host}:${port}`)
  })
})
