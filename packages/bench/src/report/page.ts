/**
 * The report as one HTML file that needs nothing else: no script, no font, no request.
 */
import { labels } from "../brokers/target.ts"
import { knobCharts } from "./charts/knobs.ts"
import { latencies } from "./charts/latency.ts"
import { memoryChart } from "./charts/memory.ts"
import { peerCharts } from "./charts/peers.ts"
import { stagesChart } from "./charts/stages.ts"
import { byLevel, byMode } from "./charts/throughput.ts"
import { type Chart, figure } from "./draw.ts"
import { headlineOf, tilesOf } from "./headline.ts"
import { html, Markup } from "./markup.ts"
import type { Report } from "./model.ts"
import { cellsOf } from "./select.ts"
import { style } from "./style.ts"
import * as Tables from "./tables.ts"
import { targetsOf } from "./targets.ts"

interface Chapter {
  readonly id: string
  readonly title: string
  readonly lead: string
  readonly body: ReadonlyArray<Markup>
}

const drawn = (charts: ReadonlyArray<Chart | undefined>): ReadonlyArray<Markup> =>
  charts.flatMap((chart) => chart === undefined ? [] : [figure(chart)])

const compareChapters = (report: Report): ReadonlyArray<Chapter> => {
  if (cellsOf(report).length === 0) return []
  return [
    {
      id: "speed",
      title: "How fast",
      lead: "The same loads on each broker: five topics, three partitions each, "
        + "JSON events of about 300 bytes with headers. A message counts when the broker has acknowledged it.",
      body: [...drawn([byLevel(report), byMode(report)]), Tables.cellsTable(report)]
    },
    {
      id: "waiting",
      title: "How long a message takes",
      lead: "Percentiles over all messages of a level, because an average hides the slow ones.",
      body: drawn(latencies(report))
    },
    {
      id: "resources",
      title: "What it holds",
      lead: "Memory, fibers, timers and handles of the process: before, while it runs, and after the bus has closed.",
      body: [...drawn([memoryChart(report)]), Tables.resourcesTable(report)]
    }
  ]
}

const stagesChapter = (report: Report): ReadonlyArray<Chapter> =>
  report.stages === undefined || report.stages.loads.length === 0 ? [] : [{
    id: "where",
    title: "Where the time goes",
    lead:
      "A publish is validated against its schema, encoded, waits for room among the 8,192 that may be pending, waits in "
      + "the queue for its batch, is sent, and is acknowledged. The bus notes when each of these ends.",
    body: [...drawn([stagesChart(report)]), Tables.stagesTable(report), Tables.costTable(report)]
  }]

const peersChapter = (report: Report): ReadonlyArray<Chapter> =>
  report.peers === undefined || report.peers.groups.length === 0 ? [] : [{
    id: "peers",
    title: "Beside what one would pick instead",
    lead:
      "Client libraries without a bus, used well and used as most people use them, in turn with ours in the same run.",
    body: [...drawn(peerCharts(report)), Tables.peersTable(report)]
  }]

const knobsChapter = (report: Report): ReadonlyArray<Chapter> =>
  report.knobs === undefined || report.knobs.sweeps.length === 0 ? [] : [{
    id: "knobs",
    title: "What the settings do",
    lead: "One setting at a time, everything else at its default: publishing only, to the last acknowledgement.",
    body: [
      html`<div class="grid">${drawn(knobCharts(report))}</div>`,
      html`<div style="height:20px"></div>`,
      Tables.knobsTable(report)
    ]
  }]

const problemsOf = ({ compare, knobs, peers, stages }: Report): ReadonlyArray<string> => [
  ...(compare?.cells ?? []).flatMap((cell) =>
    cell._tag === "Refused" ? [`${labels[cell.broker]}, ${cell.level}, ${cell.mode}: ${cell.problem}`] : []
  ),
  ...stages?.problems ?? [],
  ...peers?.problems ?? [],
  ...knobs?.problems ?? []
]

const method = (report: Report): ReadonlyArray<string> => {
  const discarded = report.compare?.discarded.length ?? 0
  return [
    "Time runs from the first publish to the last acknowledgement, and to the last handled message. Nothing sleeps in "
    + "between; the reports on the older bus divided by a sleep of 15 or 30 seconds.",
    "Each cell of the comparison runs in a process of its own, with a bus and topics of its own for "
    + "each round. Before the clock starts, messages go to each topic and are handled, so that connections, assignments "
    + "and compiled code are there.",
    `Warm-up rounds go on until the last one is not slower than 70 % of the fastest, at least three. A cell that does not `
    + `get there, or whose first round turns out to have been cold, is thrown away and measured once more: ${discarded} of `
    + "this run.",
    "After each round the broker is read back from the beginning, past the bus. Each message has a number. One that is "
    + "missing, twice, or behind a later one of its aggregate makes the round worth nothing: the cell then has no figure.",
    "Memory, fibers, timers and handles are sampled on a timer of 25 ms, never by what publishes or handles; before and "
    + "after are taken after a collection, with the bus closed.",
    "Percentiles are from HDR histograms to three digits. Publish call and end to end are taken of every message; "
    + "publish-to-ack of every message up to 5,000 a round, evenly spread above.",
    "Loads at a fixed rate are open loops: a message is due at its time whether or not those before it are acknowledged, "
    + "and its latency counts from when it was due, so a stall counts against all that it delayed (no coordinated "
    + "omission). The other loads are closed: their latencies are of callers that wait.",
    "What is compared takes turns, round after round, each round beginning with another one. Figures are medians with the "
    + "lowest and the highest; ratios are medians of the ratios round by round. A million messages are published once, two "
    + "hundred thousand at most twice.",
    "Absolute figures belong to this machine on this day. Ratios travel better."
  ]
}

const facts = (report: Report): ReadonlyArray<readonly [string, string]> => {
  const { command, machine, startedAt, tookSeconds, versions } = report
  return [
    ["Machine", `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}`],
    ["Load before it began", `${machine.load} (runnable processes, mean of a minute)`],
    ["Versions", Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")],
    ["Command", command],
    ["When", `${startedAt.slice(0, 16).replace("T", " ")} UTC, for ${Math.round(tookSeconds)} s`],
    [
      "Brokers",
      "one node each, on the loopback of the same machine, sharing its cores with the bench; acknowledged by all replicas (there is one)"
    ]
  ]
}

export const page = (report: Report): string => {
  const headline = headlineOf(report)
  const tiles = tilesOf(report)
  const problems = problemsOf(report)
  const targets = targetsOf(report)
  const chapters = [
    ...compareChapters(report).slice(0, 2),
    ...stagesChapter(report),
    ...peersChapter(report),
    ...knobsChapter(report),
    ...compareChapters(report).slice(2)
  ]
  const met = targets.filter(({ verdict }) => verdict === "met" || verdict === "stretch").length
  const measured = targets.filter(({ verdict }) => verdict !== "not measured").length
  const date = report.startedAt.slice(0, 10)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>effect-eventbus under load, ${date}</title>
<meta name="description" content="${headline === undefined ? "Bench report" : `${headline.figure} ${headline.unit}`}">
<style>${new Markup(style)}</style>
</head>
<body>
<header class="top">
<p class="eyebrow">effect-eventbus · bench · ${date}</p>
${
    headline === undefined
      ? html`<h1>effect-eventbus under load</h1>`
      : html`<h1 class="alt">effect-eventbus under load</h1>
<p class="hero">${headline.figure}</p>
<p class="hero-unit">${headline.unit}</p>
<p class="hero-detail">${headline.detail}</p>`
  }
<p class="lead">effect-eventbus is an event bus for TypeScript services: typed events go to NATS JetStream, Apache Kafka or memory, each publish is acknowledged by the broker, and events about the same thing arrive in the order in which they happened. This page is what that costs on one machine.${
    report.quick ? " It is of a quick run: to see that everything works, not for figures." : ""
  }</p>
${
    problems.length === 0
      ? undefined
      : html`<p class="warning">No figure for ${problems.length} of the measurements: ${
        problems.slice(0, 3).join("; ")
      }${problems.length > 3 ? "; …" : ""}</p>`
  }
${
    tiles.length === 0
      ? undefined
      : html`<dl class="tiles">${
        tiles.map(({ figure: value, what }) => html`<div><dt>${what}</dt><dd>${value}</dd></div>`)
      }</dl>`
  }
<nav aria-label="Contents">${
    chapters.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)
  }<a href="#aims">Aims</a><a href="#method">Method</a></nav>
</header>
<main>
${
    chapters.map(({ body, id, lead, title }) =>
      html`<section id="${id}"><h2>${title}</h2>
<p>${lead}</p>
${body}</section>
`
    )
  }
<section id="aims"><h2>What was aimed at</h2>
<p>${met} of the ${measured} aims that this run could measure were met. The verdicts, and the reasons where one was missed, are computed from the figures of this run.</p>
${Tables.targetsTable(targets)}</section>
<section id="method"><h2>Machine, versions, method</h2>
<p>Enough to do it again, and to doubt it.</p>
<div class="card"><dl class="facts">${
    facts(report).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)
  }</dl></div>
<div class="card"><ul class="method">${method(report).map((text) => html`<li>${text}</li>`)}</ul></div>
</section>
</main>
<footer>The same figures as data: <code>bench.json</code> beside this file.</footer>
</body>
</html>
`.text
}
