/**
 * The test runner, where there is one. It is an optional peer: outside of a vitest run nothing of it is loaded.
 */

/** The part of vitest that the laws use. */
export interface TestContext {
  readonly skip: (note?: string) => never
}

export interface Runner {
  readonly describe: (name: string, define: () => void) => void
  readonly test: (name: string, run: (context: TestContext) => Promise<void>, timeout: number) => void
  readonly afterAll: (run: () => Promise<void> | void) => void
}

const runner: Runner | undefined = "__vitest_worker__" in globalThis ? await import("vitest") : undefined

export const vitest = (): Runner => {
  if (runner === undefined) throw new Error("this registers tests: call it from a test file that vitest runs")
  return runner
}
