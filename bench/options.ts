// What every benchmark is asked for.

export interface BenchOptions {
  /** How many runs of each row, ours and the reference in turn. */
  runs: number
  /** Tells what is being done. */
  progress(line: string): void
  /** Names of the rows to measure. Default: all. Only the benchmarks that list their rows know it. */
  rows?: string[]
  /** How much work a row does, in full sizes. Default: 1. */
  scale?: number
  /** Handed to `orlop run --translator`. Default: not given, so that Orlop's own default counts. */
  translator?: string
  /** How long one measurement takes, in seconds. Default: as the benchmark thinks best. */
  seconds?: number
  /** How many tiles there are at most at once. Default: as the benchmark thinks best. */
  tiles?: number
  /** Physical CPUs of the machine. Default: as the benchmark thinks best. */
  cpus?: number
}
