import { Effect } from "effect"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Faults from "../../testing/Faults.ts"
import * as Laws from "../../testing/Laws.ts"
import { writeReport } from "./report.ts"

const faults = Effect.runSync(Faults.make)
const cluster = MemoryBroker.makeClusterUnsafe()

Laws.run("memory", MemoryBroker.layer({ cluster, faults: faults.injector }), {
  time: "test",
  cut: faults.disconnect(),
  mend: faults.reconnect,
  dropAcks: (count) => faults.dropAcks(count),
  report: writeReport
})
