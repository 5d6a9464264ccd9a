import { defineConfig } from "vitest/config"

// The tests of this package that need a broker. Each file starts one of its own, so they run one after the other.
export default defineConfig({
  test: {
    name: "kafka",
    include: ["test/**/*.integration.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000
  }
})
