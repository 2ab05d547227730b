// How much CPU a running process has used so far, with all its threads, as /proc tells it.

import { readFileSync } from 'node:fs'
import { OrlopError } from '../cli/error.ts'

/** Ticks a second in /proc: USER_HZ, which is 100 on every architecture that Linux still has. */
const TICKS = 100
/** utime and stime, counted from the field behind the name (proc(5)). */
const UTIME = 11
const STIME = 12

/** CPU seconds, user and system, in the text of /proc/PID/stat. */
export function cpuSecondsOf(stat: string): number {
  // The name is in parentheses and may hold any character, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS
}

/** CPU seconds of a process that runs. */
export function cpuSeconds(pid: number): number {
  try {
    return cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (cause) {
    throw new OrlopError('Cannot read how much CPU a guest uses; this benchmark needs Linux with /proc.', 1, { cause })
  }
}
