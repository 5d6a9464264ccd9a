// Global setup of the vitest project "kafka": the jars are there before its files start a Kafka each, at the same time.
// Without Java and Maven the run fails and says what to install; no test is skipped.
import { install } from "./kafka.mjs"

export default () => {
  install((line) => process.stderr.write(`kafka: ${line}\n`))
}
