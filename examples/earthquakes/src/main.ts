import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { live, program } from "./Cli.ts"

NodeRuntime.runMain(program(live))
