/**
 * A binary heap: the smallest first, by `less`.
 */
export class Heap<A> {
  private readonly items: Array<A> = []
  private readonly less: (self: A, that: A) => boolean

  constructor(less: (self: A, that: A) => boolean) {
    this.less = less
  }

  get size(): number {
    return this.items.length
  }

  peek(): A | undefined {
    return this.items[0]
  }

  push(item: A): void {
    const { items } = this
    let index = items.length
    items.push(item)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.less(item, items[parent]!)) break
      items[index] = items[parent]!
      index = parent
    }
    items[index] = item
  }

  pop(): A | undefined {
    const { items } = this
    const first = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return first
    const { length } = items
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= length) break
      if (child + 1 < length && this.less(items[child + 1]!, items[child]!)) child++
      if (!this.less(items[child]!, last)) break
      items[index] = items[child]!
      index = child
    }
    items[index] = last
    return first
  }

  clear(): void {
    this.items.length = 0
  }
}
