// The manners of an uplink that keeps trying: pauses that grow, and one warning for each way in which it is lost.

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

export class Attempts {
  private pauseMs = FIRST_PAUSE_MS
  private timer: NodeJS.Timeout | undefined
  private complaint = ''
  private isOver = false

  /** `name` says what it leads to, in "No uplink to …". */
  constructor(
    private readonly name: string,
    private readonly attempt: () => void,
    private readonly warn: (message: string) => void,
  ) {}

  /** It has worked: the next loss is a new one. */
  succeed(): void {
    this.pauseMs = FIRST_PAUSE_MS
    this.complaint = ''
  }

  /** It was lost, or could not be had: tries again after a while. */
  fail(reason: string): void {
    if (this.isOver) return
    if (reason !== this.complaint) this.warn(`No uplink to ${this.name}: ${reason}; trying again.`)
    this.complaint = reason
    this.timer = setTimeout(this.attempt, this.pauseMs)
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS)
  }

  end(): void {
    this.isOver = true
    clearTimeout(this.timer)
  }
}
