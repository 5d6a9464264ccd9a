import { defineConfig } from "vitest/config"

// `unit` needs nothing but this machine. What needs a broker is `*.integration.test.ts` and gets a project of its own.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,examples}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          exclude: ["**/*.integration.test.ts"],
          testTimeout: 10_000
        }
      }
    ]
  }
})
