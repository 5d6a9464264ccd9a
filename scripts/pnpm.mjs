// The pinned pnpm, for a machine that has none: npm run pnpm -- install
import { installPnpm, pnpm } from "./lib/install.mjs"
import { main } from "./lib/main.mjs"

await main(async () => {
  await installPnpm()
  return { command: process.execPath, args: [pnpm, ...process.argv.slice(2)] }
})
