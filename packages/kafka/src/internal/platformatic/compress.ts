/**
 * Compression of record batches, with the algorithms of the client.
 */
import { compressionsAlgorithms } from "@platformatic/kafka"
import { promisify } from "node:util"
import { gzip, zstdCompress } from "node:zlib"
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
