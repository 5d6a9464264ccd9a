/**
 * The hash that Kafka's Java client partitions keys with (`org.apache.kafka.common.utils.Utils.murmur2`), over the
 * UTF-16 units of a string. Aggregate ids are ASCII by their grammar, so units and UTF-8 bytes are the same.
 */
export const murmur2 = (key: string): number => {
  const length = key.length
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ length
  const words = length >> 2
  let i = 0
  for (let w = 0; w < words; w++, i += 4) {
    let k = (key.charCodeAt(i) & 0xff) | ((key.charCodeAt(i + 1) & 0xff) << 8) | ((key.charCodeAt(i + 2) & 0xff) << 16)
      | ((key.charCodeAt(i + 3) & 0xff) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    h = Math.imul(h, m)
    h ^= k
  }
  const rest = length & 3
  if (rest === 3) h ^= (key.charCodeAt(i + 2) & 0xff) << 16
  if (rest >= 2) h ^= (key.charCodeAt(i + 1) & 0xff) << 8
  if (rest >= 1) {
    h ^= key.charCodeAt(i) & 0xff
    h = Math.imul(h, m)
  }
  h ^= h >>> 13
  h = Math.imul(h, m)
  h ^= h >>> 15
  return h
}

/** The partition of a key among `partitions`, the same as Java's default partitioner gives. */
export const partitionOf = (key: string, partitions: number): number =>
  partitions === 1 ? 0 : (murmur2(key) & 0x7fffffff) % partitions
