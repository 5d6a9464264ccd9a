import * as NatsSubject from "../NatsSubject.ts"

/** Subjects by topic, so that none is put together per message. */
export class Subjects {
  readonly #known = new Map<string, { readonly partitions: number; readonly subjects: ReadonlyArray<string> }>()

  of(topic: string, partitions: number, partition: number): string {
    let known = this.#known.get(topic)
    if (known === undefined || known.partitions !== partitions) {
      known = { partitions, subjects: NatsSubject.subjects(topic, partitions) }
      this.#known.set(topic, known)
    }
    return known.subjects[partition] ?? NatsSubject.subject(topic, partitions, partition)
  }
}
