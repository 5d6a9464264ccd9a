/**
 * One aim, and what a run has to say to it.
 */
import type { MeasuredCell } from "../../compare/figures.ts"
import type { Peer } from "../../peers/figures.ts"
import type { Report } from "../model.ts"
import { rounded } from "../numbers.ts"

export type Verdict = "stretch" | "met" | "missed" | "not measured"

export interface Target {
  readonly what: string
  readonly least: string
  readonly stretch: string
  /** Of this run. */
  readonly figure: string
  readonly verdict: Verdict
  /** Where it fell short, or was not measured: what the figures say about the reason. */
  readonly why: string
}

export const unmeasured = (what: string, least: string, stretch: string, why: string): Target => ({
  what,
  least,
  stretch,
  figure: "",
  verdict: "not measured",
  why
})

export const verdictOf = (met: boolean, stretched: boolean): Verdict => stretched ? "stretch" : met ? "met" : "missed"

export const notRun = (suite: string): string => `the suite ${suite} was not part of this run`

/** What one core could do at the best, and how much of it was used: is it us, or did we wait? */
export const boundBy = (
  { cpuMicros, load, perSecond }: { readonly cpuMicros: number; readonly perSecond: number; readonly load: number }
): string => {
  const busy = cpuMicros * perSecond / 1e6
  const cpu = `${cpuMicros.toFixed(1)} us of processor time a message`
  return busy >= 0.9
    ? `bound by its one JavaScript thread: ${cpu}, so ${rounded(1e6 / cpuMicros)}/s at the best on one core`
    : `the process was busy for ${Math.round(busy * 100)} % of the time (${cpu}): it waited for the broker, or for the `
      + `machine, which had a load of ${load} at the start`
}

export const cellBound = (report: Report, cell: MeasuredCell): string =>
  boundBy({
    cpuMicros: cell.cpuMicrosPerMessage.median,
    perSecond: cell.ackedPerSecond.median,
    load: report.machine.load
  })

export const peerBound = (report: Report, { cpuNanosPerMessage, messagesPerSecond }: Peer): string =>
  cpuNanosPerMessage === undefined ? "" : boundBy({
    cpuMicros: cpuNanosPerMessage.median / 1000,
    perSecond: messagesPerSecond.median,
    load: report.machine.load
  })
