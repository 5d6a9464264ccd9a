/** Runs `send` for each item, in order, so many at once. Rejects with the first error. */
export const inFlight = async <A>(
  items: ReadonlyArray<A>,
  count: number,
  send: (item: A) => Promise<unknown>
): Promise<void> => {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) await send(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, worker))
}

/** Items in groups of so many, in order. */
export const chunksOf = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
