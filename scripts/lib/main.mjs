// The frame of the commands in scripts/: get something ready, then become the program that it is for.
import { endAs, supervise } from "./supervise.mjs"
import { environment } from "./workspace.mjs"

/**
 * @param {() => Promise<{ readonly command: string, readonly args: ReadonlyArray<string> } | undefined>} prepare
 */
export const main = async (prepare) => {
  try {
    const program = await prepare()
    if (program === undefined) return
    endAs(await supervise(program.command, program.args, { stdio: "inherit", env: environment() }))
  } catch (error) {
    process.stderr.write(`bootstrap: ${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  }
}
