import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { writeReport } from "../../../../scripts/lawsReport.ts"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Faults from "../../testing/Faults.ts"
import * as Laws from "../../testing/Laws.ts"
import * as Model from "../../testing/Model.ts"
import type * as Subject from "../../testing/Subject.ts"

const faults = Effect.runSync(Faults.make)
const layer = MemoryBroker.layer({ cluster: MemoryBroker.makeClusterUnsafe(), faults: faults.injector })

const subject: Subject.Options = {
  time: "test",
  cut: faults.disconnect(),
  mend: faults.reconnect,
  dropAcks: (count) => faults.dropAcks(count)
}

Laws.run("memory", layer, { ...subject, report: writeReport })

/** Of 1,000 scripts, with the laws. Of the processor, not of the clock: the machine may be busy with other things. */
const mostCpuSeconds = 60

Model.run("memory", layer, {
  ...subject,
  runs: 1000,
  summary: ({ coverage }) => {
    const { system, user } = process.cpuUsage()
    assert.isBelow((system + user) / 1e6, mostCpuSeconds)
    for (const [what, count] of Object.entries(coverage)) assert.isAbove(count, 0, `no script had any "${what}"`)
  }
})
