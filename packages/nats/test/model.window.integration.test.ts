import { model } from "./fixtures/laws.ts"

model("window")
