/**
 * All that a report is made of: plain data, as `reports/bench.json` has it.
 */
import type { Compared } from "../compare/compare.ts"
import type { Knobs } from "../knobs/figures.ts"
import type { Machine } from "../machine.ts"
import type { Peers } from "../peers/figures.ts"
import type { Staged } from "../stages/figures.ts"

export interface Report {
  /** ISO 8601. */
  readonly startedAt: string
  readonly tookSeconds: number
  readonly command: string
  readonly quick: boolean
  readonly machine: Machine
  /** Name and version of everything that took part. */
  readonly versions: Readonly<Record<string, string>>
  readonly compare?: Compared | undefined
  readonly stages?: Staged | undefined
  readonly peers?: Peers | undefined
  readonly knobs?: Knobs | undefined
}
