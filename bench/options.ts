// What every benchmark is asked for.

export interface BenchOptions {
  /** How many runs of each row, ours and the reference in turn. */
  runs: number
  /** Tells what is being done. */
  progress(line: string): void
}
