/**
 * Ours beside others: aims that the suite `peers` measures.
 */
import type { Report } from "../model.ts"
import { integer, ratio } from "../numbers.ts"
import { peersNamed } from "../select.ts"
import { notRun, peerBound, type Target, unmeasured, verdictOf } from "./target.ts"

const spread = (
  { max, median, min }: { readonly median: number; readonly min: number; readonly max: number }
): string => `${ratio(median)} (${ratio(min)} to ${ratio(max)})`

/** Ours / a peer, at least so much. With several peers of that description the fastest counts. */
export const atLeast = (
  report: Report,
  fields: {
    readonly what: string
    readonly broker: string
    readonly words: ReadonlyArray<string | RegExp>
    readonly least: number
    readonly stretch: number
  }
): Target => {
  const { broker, least, stretch, what, words } = fields
  const aims = [what, `${least} x`, `${stretch} x`] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const found = peersNamed(report, broker, ...words)
  const rival = found.toSorted((a, b) => a.peer.ratio.median - b.peer.ratio.median)[0]
  if (rival === undefined) return unmeasured(...aims, "that client was not part of this run")
  const { group, peer } = rival
  const { median } = peer.ratio
  const own = group.peers.find(({ ours }) => ours)
  return {
    what,
    least: aims[1],
    stretch: aims[2],
    figure: spread(peer.ratio),
    verdict: verdictOf(median >= least, median >= stretch),
    why: median >= least || own === undefined ? "" : `ours: ${peerBound(report, own)}`
  }
}

export const memorySpeed = (report: Report): Target => {
  const aims = ["memory: publishAsync + ack, messages/s", "200,000", "350,000"] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const found = peersNamed(report, "Memory", "publishAsync + ack").find(({ peer }) => peer.ours)
  if (found === undefined) return unmeasured(...aims, "it was not part of this run")
  const { median } = found.peer.messagesPerSecond
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: integer(median),
    verdict: verdictOf(median >= 200_000, median >= 350_000),
    why: median >= 200_000 ? "" : peerBound(report, found.peer)
  }
}

export const goBus = (what: string, least: string, stretch: string): Target =>
  unmeasured(what, least, stretch, "the Go bus is no part of this project; it is measured beside it elsewhere")

/** One publisher that awaits each acknowledgement: ours / the quickest raw client. */
export const awaitedP50 = (report: Report): Target => {
  const aims = ["one publisher awaiting each ack, P50: ours / raw client", "<= 1.3 x", "<= 1.1 x"] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const contests = report.peers.groups.flatMap(({ broker, contest, peers }) => {
    if (contest !== "one at a time") return []
    const own = peers.find(({ ours }) => ours)?.publishToAckMs?.p50
    const raw = peers.filter(({ ours }) => !ours).flatMap(({ publishToAckMs }) => publishToAckMs?.p50 ?? [])
    return own === undefined || raw.length === 0 ? [] : [{ broker, own, raw: Math.min(...raw) }]
  })
  if (contests.length === 0) return unmeasured(...aims, "it was not part of this run")
  const worst = Math.max(...contests.map(({ own, raw }) => own / raw))
  const over = contests.filter(({ own, raw }) => own / raw > 1.3)
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: contests.map(({ broker, own, raw }) => `${broker} ${ratio(own / raw)}`).join(", "),
    verdict: verdictOf(worst <= 1.3, worst <= 1.1),
    why: over.map(({ broker, own, raw }) =>
      `${broker}: ${((own - raw) * 1000).toFixed(0)} us more than ${(raw * 1000).toFixed(0)} us, for validation, `
      + "encoding, the window, and two hops between fibers"
    ).join("; ")
  }
}

export const consuming = (report: Report): Target => {
  const aims = ["consuming, trivial handler: ours / raw client", "0.6 x", "0.85 x"] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const found = report.peers.groups.flatMap(({ broker, contest, peers }) => {
    if (contest !== "consuming") return []
    const worst = peers.filter(({ ours }) => !ours).toSorted((a, b) => a.ratio.median - b.ratio.median)[0]
    return worst === undefined ? [] : [{ broker, ratio: worst.ratio, own: peers.find(({ ours }) => ours) }]
  })
  if (found.length === 0) return unmeasured(...aims, "it was not part of this run")
  const least = Math.min(...found.map((one) => one.ratio.median))
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: found.map((one) => `${one.broker} ${ratio(one.ratio.median)}`).join(", "),
    verdict: verdictOf(least >= 0.6, least >= 0.85),
    why: found.flatMap(({ broker, own, ratio: { median } }) =>
      median >= 0.6 || own === undefined ? [] : [`${broker}: ${peerBound(report, own)}`]
    ).join("; ")
  }
}
