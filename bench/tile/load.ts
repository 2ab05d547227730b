// The consolidation tile: six guests, what each is asked to do, and how well it has to be done.
//
// The rates and the times of one tile alone were measured once with QEMU and are frozen here: one tile takes about a quarter
// of one core there. All load is offered whether or not it is answered.

export const ROLES = ['web', 'app', 'db', 'mail', 'batch', 'standby'] as const
export type Role = (typeof ROLES)[number]

export interface Workload {
  role: Role
  /** What is counted. */
  unit: string
  /** So many are offered in a second. */
  rate: number
  /** What half of them take at most in QEMU when the tile is alone, in ms. */
  soloMs: number
  /** 95 of 100, and 99 of 100, take at most so many times as long; undefined: nothing is asked. */
  p95?: number
  p99?: number
  /** So much of what was offered is answered right and by the deadline. */
  goodShare: number
  /** What comes later is not counted as good. */
  deadlineMs: number
}

export const WORKLOADS: Record<Role, Workload> = {
  web: workload({ role: 'web', unit: 'requests/s', rate: 8, soloMs: 6, p95: 10, p99: 30, goodShare: 0.999 }),
  app: workload({ role: 'app', unit: 'jobs/s', rate: 0.5, soloMs: 190, p99: 5, goodShare: 0.99, patience: 5 }),
  db: workload({ role: 'db', unit: 'commits/s', rate: 20, soloMs: 2.5, p95: 10, goodShare: 0.99 }),
  mail: workload({ role: 'mail', unit: 'messages/s', rate: 10, soloMs: 5, p95: 10, goodShare: 0.99 }),
  batch: workload({ role: 'batch', unit: 'bursts/s', rate: 0.5, soloMs: 235, goodShare: 0.5, patience: 20 }),
  standby: workload({ role: 'standby', unit: 'heartbeats/s', rate: 1, soloMs: 10, goodShare: 0.99, deadlineMs: 1000 }),
}

/** The deadline is that of the slowest percent: 30 times what it takes alone, if nothing else is said. */
function workload({
  patience = 30,
  ...given
}: Omit<Workload, 'deadlineMs'> & { deadlineMs?: number; patience?: number }): Workload {
  return { deadlineMs: patience * given.soloMs, ...given }
}

/** RAM of each guest. */
export const GUEST_BYTES = 64 * 2 ** 20
/** A machine of Orlop has 32-bit addresses and at most 256 published ports, which are 9 tiles and a little. */
export const TILES_MOST = 8
/** Rounds of programs/linux/core.c in one burst. */
export const BURST_ROUNDS = 60
/** The bytes of its disk that one job of the application reads. */
export const JOB_BYTES = 64 * 1024
