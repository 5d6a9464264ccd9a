/**
 * The command as a process: exit code 0 where every invariant held, else 1.
 */
import { main } from "../commandLine.ts"
import { faults } from "./command.ts"
import type { Suite } from "./scenario.ts"

export const start = (suites: readonly [Suite, ...ReadonlyArray<Suite>]): void => main(faults(suites))
