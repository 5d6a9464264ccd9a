/**
 * From the lowest round to the highest, on a bar.
 */
import type * as echarts from "echarts"
import type { Spread } from "../figures.ts"
import { colour } from "./colours.ts"

/** For `count` bars in a group, the one at `place`, upright or lying. */
export const whiskers = (
  spreads: ReadonlyArray<Spread | undefined>,
  { barGap, barWidth, count, lying, place }: {
    readonly count: number
    readonly place: number
    readonly barWidth: number
    readonly barGap: number
    readonly lying: boolean
  }
): echarts.CustomSeriesOption => ({
  type: "custom",
  silent: true,
  z: 5,
  data: spreads.flatMap((spread, i) => spread === undefined ? [] : [[i, spread.min, spread.max]]),
  encode: lying ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
  renderItem: (_, api) => {
    const step = barWidth * (1 + barGap)
    const shift = (place - (count - 1) / 2) * step
    const ends = [api.value(1), api.value(2)].map((value) =>
      api.coord(lying ? [value, api.value(0)] : [api.value(0), value])
    )
    const [from, to] = ends
    if (from === undefined || to === undefined) return null
    const at = (point: ReadonlyArray<number>): readonly [number, number] =>
      lying ? [point[0]!, point[1]! + shift] : [point[0]! + shift, point[1]!]
    const [x1, y1] = at(from)
    const [x2, y2] = at(to)
    const cap = Math.min(4, barWidth / 3)
    const style = { stroke: colour("ink"), lineWidth: 1.2 }
    const bar = (x: number, y: number) =>
      lying
        ? { type: "line" as const, shape: { x1: x, y1: y - cap, x2: x, y2: y + cap }, style }
        : { type: "line" as const, shape: { x1: x - cap, y1: y, x2: x + cap, y2: y }, style }
    return {
      type: "group",
      children: [{ type: "line", shape: { x1, y1, x2, y2 }, style }, bar(x1, y1), bar(x2, y2)]
    }
  }
})
