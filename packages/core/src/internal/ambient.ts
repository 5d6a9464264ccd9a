/**
 * The one door to the system's clock and randomness, for the synchronous constructors. Effects use the services of
 * their fiber instead.
 */
import { Clock, Context } from "effect"

/** Effect's own default clock. */
export const clock: Clock.Clock = Context.get(Context.empty(), Clock.Clock)

const words = new Uint32Array(256)
let used = words.length

/** 32 unpredictable bits. */
export const randomWord = (): number => {
  if (used === words.length) {
    crypto.getRandomValues(words)
    used = 0
  }
  return words[used++]!
}
