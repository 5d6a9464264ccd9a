import { defineConfig } from "vitest/config"

// The tests of this package that need a broker. Each file starts one of its own, so that files do not meet: they cut,
// pause and kill it, and most of their time they wait.
export default defineConfig({
  test: {
    name: "kafka",
    include: ["test/**/*.integration.test.ts"],
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 60_000
  }
})
