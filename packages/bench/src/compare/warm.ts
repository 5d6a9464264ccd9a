/**
 * When a broker, its client and the compiled code are warm. A figure from before is a figure of something else.
 */
const fewest = 3
const most = 10

/** Speeds of the rounds of warm-up so far: enough of them, and the last one is not slower than most. */
export const isWarm = (speeds: ReadonlyArray<number>): boolean => {
  const last = speeds.at(-1)
  return speeds.length >= fewest && last !== undefined && last >= 0.7 * Math.max(...speeds)
}

/** It does not get there. */
export const givesUp = (speeds: ReadonlyArray<number>): boolean => speeds.length >= most

/**
 * The measured rounds say themselves that the first one was still cold: all the others are more than twice as fast. The
 * whole cell is thrown away then.
 */
export const wasCold = (speeds: ReadonlyArray<number>): boolean => {
  const [first, ...others] = speeds
  return first !== undefined && others.length >= 2 && Math.min(...others) > 2 * first
}
