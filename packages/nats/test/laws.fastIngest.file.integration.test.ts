import { laws } from "./fixtures/laws.ts"

laws("fastIngest", "file")
