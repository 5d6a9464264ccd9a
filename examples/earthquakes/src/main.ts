import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { live, program } from "./Cli.ts"

// One Ctrl-C may come twice, from the terminal and from npm. When the second one comes after everything is drained and
// the other listeners are gone, but before the process has ended, it would still kill it: no exit code, and maybe half a
// summary. These listeners stay.
const ignore = () => {}
process.on("SIGINT", ignore)
process.on("SIGTERM", ignore)

NodeRuntime.runMain(program(live))
