/**
 * Who else reads as this group. Members tell each other that they live, over plain NATS; nothing is stored.
 *
 * It only decides who *should* read a partition. Who may is the server's decision (the pin of a priority group), so two
 * members that see different members for a moment do no harm.
 */
import type { Client, Message } from "./client.ts"

/** Sweeps without a word after which a member is taken for gone. */
const patience = 4

const decoder = new TextDecoder()

export class Membership {
  readonly #client: Client
  readonly #subject: string
  readonly #id: string
  readonly #changed: () => void
  readonly #stop: () => void
  /** The others, and for how many sweeps they have been silent. */
  readonly #others = new Map<string, number>()

  constructor(client: Client, stream: string, group: string, changed: () => void) {
    this.#client = client
    this.#id = `${client.id}-${client.number()}`
    this.#subject = `_EVENTBUS.members.${stream}.${group}`
    this.#changed = changed
    this.#stop = client.subscribe(this.#subject, (message) => this.#heard(message))
    this.#say("hello")
  }

  /** Who should read a partition: as many for each member, give or take one. */
  mine(partition: number): boolean {
    const members = [this.#id, ...this.#others.keys()].toSorted()
    return members[partition % members.length] === this.#id
  }

  /** Runs about every second. */
  sweep(): void {
    let gone = false
    for (const [id, silent] of this.#others) {
      if (!this.#client.connected) continue
      if (silent >= patience) {
        this.#others.delete(id)
        gone = true
      } else {
        this.#others.set(id, silent + 1)
      }
    }
    this.#say("here")
    if (gone) this.#changed()
  }

  leave(): void {
    this.#say("bye")
    this.#stop()
  }

  #say(word: string): void {
    if (this.#client.connected) this.#client.publishPlain(this.#subject, undefined, Buffer.from(`${word} ${this.#id}`))
  }

  #heard({ data }: Message): void {
    const [word, id] = decoder.decode(data).split(" ")
    if (id === undefined || id === this.#id) return
    const known = this.#others.has(id)
    if (word === "bye") this.#others.delete(id)
    else this.#others.set(id, 0)
    // A newcomer need not wait for the next sweep to know us.
    if (word === "hello") this.#say("here")
    if (known !== this.#others.has(id)) this.#changed()
  }
}
