/**
 * Which brokers and clients took part.
 */
import kafkaPackage from "@effect-eventbus/kafka/package.json" with { type: "json" }
import natsPackage from "@effect-eventbus/nats/package.json" with { type: "json" }
import { connect } from "@nats-io/transport-node"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import type { Target } from "./target.ts"

/** The server says it itself. */
const natsServer = (servers: ReadonlyArray<string>): Promise<string> =>
  connect({ servers: [...servers], maxReconnectAttempts: 0 }).then(async (connection) => {
    const version = connection.info?.version ?? "unknown"
    await connection.close()
    return version
  })

const pom = new URL("../../../../scripts/brokers/kafka/pom.xml", import.meta.url)

/** The protocol has no word for it; what the scripts start is what their list of jars names. */
const kafka = async (): Promise<string> => {
  if ((process.env["KAFKA_BOOTSTRAP"] ?? "") !== "") return "at KAFKA_BOOTSTRAP, version unknown"
  return /<groupId>org\.apache\.kafka<\/groupId>\s*<artifactId>[^<]*<\/artifactId>\s*<version>([^<]+)</.exec(
    await readFile(pom, "utf8")
  )?.[1] ?? "unknown"
}

const unknownWhereItFails = (ask: () => Promise<string>): Effect.Effect<string> =>
  Effect.orElseSucceed(Effect.tryPromise(ask), () => "unknown")

export const brokerVersions = (targets: ReadonlyArray<Target>): Effect.Effect<Readonly<Record<string, string>>> => {
  const nats = targets.find(({ broker }) => broker === "nats-file")?.servers ?? []
  return Effect.map(
    Effect.all([unknownWhereItFails(() => natsServer(nats)), unknownWhereItFails(kafka)]),
    ([server, broker]) => ({
      "nats-server": server,
      "Apache Kafka": broker,
      "@nats-io/jetstream": natsPackage.dependencies["@nats-io/jetstream"],
      "@platformatic/kafka": kafkaPackage.dependencies["@platformatic/kafka"]
    })
  )
}
