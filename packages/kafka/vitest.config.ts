import { defineConfig } from "vitest/config"

// The tests of this package that need a broker. Each file starts one of its own, so that files do not meet: they cut,
// pause and kill it, and most of their time they wait.
export default defineConfig({
  test: {
    name: "kafka",
    root: import.meta.dirname,
    include: ["test/**/*.integration.test.ts"],
    globalSetup: ["../../scripts/brokers/vitestKafka.mjs"],
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 60_000
  }
})
