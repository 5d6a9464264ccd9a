/**
 * How much is published at once.
 */
export interface Level {
  readonly name: string
  readonly messages: number
}

export const low: Level = { name: "Low", messages: 500 }
export const medium: Level = { name: "Medium", messages: 2000 }
export const high: Level = { name: "High", messages: 5000 }
export const extreme: Level = { name: "Extreme", messages: 10_000 }
export const sustained: Level = { name: "Sustained 200 k", messages: 200_000 }
export const longest: Level = { name: "Sustained 1 M", messages: 1_000_000 }

export const levels: ReadonlyArray<Level> = [low, medium, high, extreme, sustained, longest]

/**
 * Rounds of a level, where so many are asked for: a long one is its own median. A million messages are in one round, 200
 * thousand in at most two.
 */
export const roundsOf = ({ messages }: Level, asked: number): number =>
  messages >= 1_000_000 ? 1 : messages >= 100_000 ? Math.min(2, asked) : asked
