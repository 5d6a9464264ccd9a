/**
 * Charts as SVG text: drawn here, on the server's side, so that the page needs no script. Each is drawn twice, for a
 * wide page and for a narrow one, where the same drawing made smaller could not be read.
 */
import * as echarts from "echarts"
import { colour, themed } from "./colours.ts"
import { html, Markup } from "./markup.ts"

export interface Size {
  readonly width: number
  readonly narrow: boolean
}

const wide: Size = { width: 880, narrow: false }
const narrow: Size = { width: 360, narrow: true }

export interface Chart {
  /** Unique on the page: `[a-z-]+`. */
  readonly id: string
  readonly title: string
  /** What one sees: for those who cannot. */
  readonly alt: string
  /** What is good to know about it, below. */
  readonly note?: string | Markup | undefined
  readonly height: (size: Size) => number
  readonly option: (size: Size) => echarts.EChartsOption
}

export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

/** Wide enough for any font that a reader may have: there is none here to measure with. */
const emOf = (character: string): number =>
  // Lines are as far apart as this character is wide.
  character === "国" ?
    1.15 :
    /[ilj.,:;'|!()]/.test(character)
    ? 0.36
    : /[mwMW@%—]/.test(character)
    ? 0.95
    : character === "\u00a0" || character === " "
    ? 0.34
    : 0.62

const fontSizeOf = (font: string | undefined): number => Number(/([\d.]+)px/.exec(font ?? "")?.[1] ?? 12)

echarts.setPlatformAPI({
  measureText: (text, font) => ({
    width: Array.from(text).reduce((sum, character) => sum + emOf(character), 0) * fontSizeOf(font)
  })
})

const base = (size: Size): echarts.EChartsOption => ({
  animation: false,
  textStyle: { fontFamily, fontSize: size.narrow ? 11 : 13, color: colour("ink") }
})

/** One drawing, without the title, which is the page's. */
export const svgOf = (chart: Chart, size: Size): string => {
  const height = chart.height(size)
  const instance = echarts.init(null, null, { renderer: "svg", ssr: true, width: size.width, height })
  try {
    instance.setOption({ ...base(size), ...chart.option(size) })
    const svg = themed(instance.renderToSVGString({ useViewBox: true }))
    // Names of classes and clip paths are counted per drawing; the page has many.
    const own = `${chart.id}-${size.narrow ? "n" : "w"}`
    return svg.replaceAll(/\b(zr\d+-[\w-]+)/g, `${own}-$1`)
  } finally {
    instance.dispose()
  }
}

const drawing = (chart: Chart, size: Size): Markup => {
  const svg = svgOf(chart, size).replace(
    "<svg ",
    `<svg role="img" aria-labelledby="${chart.id}-title ${chart.id}-alt" `
  )
  return html`<div class="${size.narrow ? "narrow" : "wide"}">${new Markup(svg)}</div>`
}

export const figure = (chart: Chart): Markup =>
  html`<figure class="chart" id="${chart.id}">
<figcaption id="${chart.id}-title">${chart.title}</figcaption>
<p class="alt" id="${chart.id}-alt">${chart.alt}</p>
${drawing(chart, wide)}${drawing(chart, narrow)}
${chart.note === undefined ? undefined : html`<p class="note">${chart.note}</p>`}
</figure>
`

// --- parts that all charts share --------------------------------------------------------------------------------------

export const axisText = (size: Size) => ({ color: colour("soft"), fontSize: size.narrow ? 10.5 : 12 })

/** "Sustained 200 k" is "200 k" where there is little room. */
export const levelLabel = (size: Size, level: string): string => size.narrow ? level.replace("Sustained ", "") : level

export const splitLine = { lineStyle: { color: colour("line"), width: 1 } }

export const legend = (size: Size) => ({
  top: 0,
  left: 0,
  itemWidth: 14,
  itemHeight: 10,
  itemGap: size.narrow ? 10 : 18,
  textStyle: { color: colour("ink"), fontSize: size.narrow ? 11 : 13 }
})

export const valueAxis = (size: Size, name: string, format: (value: number) => string) => ({
  type: "value" as const,
  name,
  nameLocation: "end" as const,
  nameGap: 12,
  nameTextStyle: {
    color: colour("soft"),
    align: "left" as const,
    fontSize: size.narrow ? 10.5 : 12,
    padding: [0, 0, 0, -30]
  },
  axisLabel: { ...axisText(size), formatter: format },
  splitLine
})

/** Names of lying bars: beside them, or above them where there is no room beside. */
export const lyingAxis = (size: Size, names: ReadonlyArray<string>) => ({
  type: "category" as const,
  data: [...names],
  axisTick: { show: false },
  axisLine: { show: false },
  axisLabel: size.narrow
    ? {
      ...axisText(size),
      color: colour("ink"),
      interval: 0,
      inside: true,
      align: "left" as const,
      verticalAlign: "bottom" as const,
      margin: 0,
      padding: [0, 0, 11, 0]
    }
    : { ...axisText(size), color: colour("ink"), interval: 0, lineHeight: 15 },
  z: 10
})

export const categoryAxis = (size: Size, data: ReadonlyArray<string>) => ({
  type: "category" as const,
  data: [...data],
  axisTick: { show: false },
  axisLine: { lineStyle: { color: colour("soft") } },
  axisLabel: { ...axisText(size), interval: 0 }
})
