import { defineConfig } from "vitest/config"

// `unit` needs nothing but this machine. What needs a broker is `*.integration.test.ts`, in a project of its package.
export default defineConfig({
  test: {
    projects: [
      "packages/nats/vitest.config.ts",
      "packages/kafka/vitest.config.ts",
      "packages/bench/vitest.config.ts",
      {
        test: {
          name: "faults-nats",
          include: ["packages/bench/test/faults/nats.integration.test.ts"]
        }
      },
      {
        test: {
          name: "faults-kafka",
          include: ["packages/bench/test/faults/kafka.integration.test.ts"]
        }
      },
      {
        test: {
          name: "unit",
          include: ["{packages,examples}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          exclude: ["**/*.integration.test.ts"],
          // What hangs fails; what is only slow on a busy machine does not.
          testTimeout: 60_000
        }
      }
    ]
  }
})
