// What has happened to a machine and its guests, for those who ask later and those who watch.

export interface MachineEvent {
  /** Counts up from 1. */
  number: number
  /** ISO 8601. */
  time: string
  /** Name of the guest; undefined: the machine itself. */
  guest?: string
  /** "started", "shut off", "paused", … : what became of it. */
  what: string
  /** Why; for a warning, the whole sentence. */
  reason?: string
}

/** So many are kept. */
const KEPT = 1000

export class EventLog {
  private readonly kept: MachineEvent[] = []
  private count = 0
  private readonly watchers = new Set<(event: MachineEvent) => void>()

  add(guest: string | undefined, what: string, reason?: string): void {
    const event: MachineEvent = { number: ++this.count, time: new Date().toISOString(), what }
    if (guest !== undefined) event.guest = guest
    if (reason !== undefined) event.reason = reason
    this.kept.push(event)
    if (this.kept.length > KEPT) this.kept.shift()
    for (const watcher of this.watchers) watcher(event)
  }

  /** The last `most`, oldest first. */
  last(most = KEPT): MachineEvent[] {
    return most <= 0 ? [] : this.kept.slice(-most)
  }

  /** Calls `watcher` for each from now on; the result ends that. */
  watch(watcher: (event: MachineEvent) => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }
}

/** An event as a line for people, in local time. */
export function showEvent({ time, guest, what, reason }: MachineEvent): string {
  const clock = new Date(time).toTimeString().slice(0, 8)
  return `${clock}  ${guest === undefined ? 'machine' : guest}: ${what}${reason === undefined ? '' : ` (${reason})`}`
}
