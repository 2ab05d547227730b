// What long work says about itself while it runs: one event type that every step of the guest supply reports.

/** One sign of life. Events of one step carry the same `step`; `done` and `total` are in `unit`. */
export interface ProgressEvent {
  /** What is being done, as a short phrase: "Downloading busybox-static". */
  step: string
  /** How much of it is done. */
  done?: number
  /** How much there is; absent when not known. */
  total?: number
  /** What `done` and `total` count. Default: bytes. */
  unit?: 'bytes' | 'files' | 'percent'
}

export type Report = (event: ProgressEvent) => void

/** For callers that do not want to know. */
export const silent: Report = () => {}

/** What every long function of this room takes. */
export interface Work {
  /** Called with each sign of life. Default: nobody listens. */
  report?: Report
  /** Ends the work early; nothing is left under a final name. */
  signal?: AbortSignal
}
