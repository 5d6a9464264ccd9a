/**
 * Topics for one round.
 */
import { Admin } from "@platformatic/kafka"
import { Effect, type Scope } from "effect"
import { attempt, type BaselineFailed } from "../baseline.ts"

export const topicCount = 5
export const partitionCount = 3

let names = 0

/** Names that no other round has had. */
export const freshNames = (count = topicCount): Array<string> =>
  Array.from({ length: count }, () => `bench.${process.pid}x${Date.now().toString(36)}x${++names}x`)

const withAdmin = async <A>(bootstrap: ReadonlyArray<string>, use: (admin: Admin) => Promise<A>): Promise<A> => {
  const admin = new Admin({ clientId: "bench", bootstrapBrokers: [...bootstrap] })
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

/** Removes them again, so that a long run does not fill the disk. */
export const remove = (bootstrap: ReadonlyArray<string>, topics: Array<string>): Promise<void> =>
  withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics }))

/** Until the scope closes; every partition has a leader. */
export const fresh = (
  baseline: string,
  bootstrap: ReadonlyArray<string>
): Effect.Effect<Array<string>, BaselineFailed, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(baseline, () =>
      withAdmin(bootstrap, async (admin) => {
        const topics = freshNames()
        await admin.createTopics({
          topics,
          partitions: partitionCount,
          replicas: 1,
          // As the bus defines a topic without a limit.
          configs: [{ name: "retention.ms", value: "-1" }]
        })
        for (let tries = 0; tries < 100; tries++) {
          try {
            const metadata = await admin.metadata({ topics: [...topics], forceUpdate: true })
            const ready = topics.every((name) => {
              const partitions = metadata.topics.get(name)?.partitions ?? []
              return partitions.length === partitionCount && partitions.every(({ leader }) => leader >= 0)
            })
            if (ready) return topics
          } catch {
            // It takes a moment until every node has heard of them.
          }
          await new Promise((resolve) => {
            setTimeout(resolve, 50)
          })
        }
        throw new Error("the new topics have no leaders")
      })),
    (topics) => Effect.ignore(attempt(baseline, () => remove(bootstrap, topics)))
  )
