// effect-kafka (Effect 3) in a process of its own: one `send` per message, so many at once.
//
//   node main.mjs kafkajs|platformatic <host:port,...> <file of messages> <in flight> <warm-up>
//
// The file holds one JSON array per line: topic, key, headers, body. The first `warm-up` messages are sent before the
// clock starts. Prints one JSON object.
import { Effect, Layer, Logger, LogLevel } from "effect"
import { Producer } from "effect-kafka"
import { readFileSync } from "node:fs"

const [engine, bootstrap, file, flying, warmUp] = process.argv.slice(2)
const messages = readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line))
const brokers = bootstrap.split(",")

const instance = engine === "kafkajs"
  ? (await import("effect-kafka/KafkaJS")).KafkaJS.layer({ clientId: "bench", brokers })
  : (await import("effect-kafka/PlatformaticKafka")).PlatformaticKafka.layer({
    clientId: "bench",
    bootstrapBrokers: brokers
  })

const sendAll = (list) =>
  Effect.forEach(
    list,
    ([topic, key, headers, value]) => Producer.send({ topic, messages: [{ key, value, headers }] }),
    { concurrency: Number(flying), discard: true }
  )

const program = Effect.gen(function*() {
  const before = Number(warmUp)
  yield* sendAll(messages.slice(0, before))
  const rest = messages.slice(before)
  const cpu = process.cpuUsage()
  const started = performance.now()
  yield* sendAll(rest)
  const millis = performance.now() - started
  const { system, user } = process.cpuUsage(cpu)
  return { messages: rest.length, millis, cpuMillis: (system + user) / 1000 }
}).pipe(
  // Acknowledged by all replicas; without idempotence, because the client's 1.x loses messages with it.
  Effect.provide(Producer.layer({ acks: -1, allowAutoTopicCreation: false }).pipe(Layer.provide(instance))),
  Logger.withMinimumLogLevel(LogLevel.Error)
)

process.stdout.write(JSON.stringify(await Effect.runPromise(program)))
