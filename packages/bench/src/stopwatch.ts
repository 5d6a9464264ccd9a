/**
 * Time, and processor time, since something began.
 */
export interface Elapsed {
  readonly millis: number
  /** User and system, over all threads of the process. */
  readonly cpuMillis: number
}

export const startStopwatch = (): () => Elapsed => {
  const cpu = process.cpuUsage()
  const started = performance.now()
  return () => {
    const millis = performance.now() - started
    const { system, user } = process.cpuUsage(cpu)
    return { millis, cpuMillis: (system + user) / 1000 }
  }
}
