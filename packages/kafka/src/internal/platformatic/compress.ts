/**
 * Compression of record batches, with the algorithms of the client.
 */
import { compressionsAlgorithms, compressionsAlgorithmsByBitmask } from "@platformatic/kafka"
import { promisify } from "node:util"
import { gunzipSync, gzip, zstdCompress, zstdDecompressSync } from "node:zlib"
import type { Compression } from "../../KafkaConfig.ts"

/** Those of Node compress in other threads. */
const inThread = { gzip: promisify(gzip), zstd: promisify(zstdCompress) } as const

/** What batches say of it in their attributes. */
export const codecOf = (compression: Compression): number => compressionsAlgorithms[compression].bitmask

export const compress = (
  compression: Exclude<Compression, "none">,
  bytes: Buffer
): Uint8Array | Promise<Uint8Array> =>
  compression === "gzip" || compression === "zstd"
    ? inThread[compression](bytes)
    : compressionsAlgorithms[compression].compressSync(bytes)

/** A batch that says to be longer is a bomb: a topic's own bound counts compressed bytes. */
const maxOutputLength = 256 * 1024 * 1024

/** By the codec in a batch's attributes. */
export const decompress = (codec: number, bytes: Buffer): Buffer => {
  if (codec === codecOf("gzip")) return gunzipSync(bytes, { maxOutputLength })
  if (codec === codecOf("zstd")) return zstdDecompressSync(bytes, { maxOutputLength })
  const algorithm = compressionsAlgorithmsByBitmask[codec]
  if (algorithm === undefined) throw new Error(`nothing is known of codec ${codec}`)
  return algorithm.decompressSync(bytes)
}
