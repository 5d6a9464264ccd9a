/**
 * Zigzag varints of the record format, for numbers that fit into 31 bits: lengths, counts and deltas in a batch do.
 */

/** Bytes that a number which is not negative takes. */
export const sizeOf = (value: number): number =>
  value < 64 ? 1 : value < 8192 ? 2 : value < 1_048_576 ? 3 : value < 134_217_728 ? 4 : 5

/** Writes a number from 0 to 2^30 - 1; returns where it ends. */
export const put = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = value << 1
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}
