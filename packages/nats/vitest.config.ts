import { defineConfig } from "vitest/config"

// What needs a nats-server: `vitest run --config packages/nats/vitest.config.ts`. Pure tests belong to `unit` at the root.
export default defineConfig({
  test: {
    name: "nats",
    root: import.meta.dirname,
    include: ["test/**/*.integration.test.ts"],
    globalSetup: ["../../scripts/brokers/vitest.mjs"],
    // They wait for brokers, clocks and connections more than they compute.
    maxWorkers: 4,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
