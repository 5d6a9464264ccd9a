import { defineConfig } from "vitest/config"

// What needs a browser: Chromium, which scripts/chromium.mjs finds or installs. Pure tests belong to `unit` at the root.
export default defineConfig({
  test: {
    name: "bench",
    root: import.meta.dirname,
    include: ["test/*.integration.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 300_000
  }
})
