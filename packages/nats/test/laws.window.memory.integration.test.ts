import { laws } from "./fixtures/laws.ts"

laws("window", "memory")
