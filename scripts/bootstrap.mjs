// Makes the workspace ready and runs a program on its Node:
//
//   node scripts/bootstrap.mjs [program [args...]]
//
// Plain JavaScript for Node 18.12 and later, because nothing is installed yet when it starts. What it says goes
// to stderr; stdout belongs to the program.
import { install } from "./lib/install.mjs"
import { main } from "./lib/main.mjs"

const [program, ...args] = process.argv.slice(2)

await main(async () => {
  const node = await install()
  // `pnpm start -- --json` hands its `--` on, npm does not
  return program === undefined
    ? undefined
    : { command: node, args: [program, ...(args[0] === "--" ? args.slice(1) : args)] }
})
