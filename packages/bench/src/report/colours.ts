/**
 * Colours by name. Charts are drawn with stand-ins, which are then replaced by the variables of the page's style, so that
 * one drawing is right in light and in dark.
 */
import type { BrokerName } from "../brokers/target.ts"
import type { StageName } from "../stages/figures.ts"

export type Colour =
  | "ink"
  | "soft"
  | "line"
  | "paper"
  | "ours"
  | "theirs"
  | "accent"
  | `broker-${BrokerName}`
  | `stage-${StageName}`

/** `[light, dark]`. Brokers differ in lightness too, and lines of them in their marks. All at least 3:1 on the page. */
export const palette: Readonly<Record<Colour, readonly [light: string, dark: string]>> = {
  "ink": ["#16202c", "#e8edf3"],
  "soft": ["#566273", "#9fabba"],
  "line": ["#dde3ea", "#2c3642"],
  "paper": ["#ffffff", "#151b23"],
  "ours": ["#0b6e8f", "#4cc2e8"],
  "theirs": ["#8b97a6", "#6f7c8c"],
  "accent": ["#0b6e8f", "#4cc2e8"],
  "broker-memory": ["#7a8594", "#8f9bab"],
  "broker-nats-memory": ["#2a9d8f", "#5fd3c4"],
  "broker-nats-file": ["#0a5aa8", "#5aa9f5"],
  "broker-kafka": ["#c2530a", "#f79a4e"],
  "stage-late": ["#b3261e", "#ff8a80"],
  "stage-validate": ["#5b4fb0", "#a79df0"],
  "stage-encode": ["#a05fb8", "#d19be6"],
  "stage-window": ["#8b97a6", "#6f7c8c"],
  "stage-queue": ["#0a5aa8", "#5aa9f5"],
  "stage-send": ["#2a9d8f", "#5fd3c4"],
  "stage-ack": ["#c2530a", "#f79a4e"],
  "stage-settle": ["#b08a00", "#e3c04a"]
}

const names = Object.keys(palette)

const isColour = (name: string): name is Colour => Object.hasOwn(palette, name)

/** `#f00d01`, `#f00d02`, ...: colours that nothing else has. */
const standIn = (index: number): string => `#f00d${(index + 1).toString(16).padStart(2, "0")}`

export const colour = (name: Colour): string => standIn(names.indexOf(name))

/** The stand-ins in a drawing become variables. */
export const themed = (svg: string): string =>
  svg.replaceAll(/#f00d([0-9a-f]{2})/gi, (whole, hex: string) => {
    const name = names[Number.parseInt(hex, 16) - 1]
    return name !== undefined && isColour(name) ? `var(--${name})` : whole
  })

export const variables = (scheme: 0 | 1): string =>
  Object.entries(palette).map(([name, colours]) => `--${name}:${colours[scheme]}`).join(";")
