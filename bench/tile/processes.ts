// The processes of a machine, with all that they have started: the CPU time they have used, and the memory that is theirs.

import { readdirSync, readFileSync } from 'node:fs'
import { OrlopError } from '../../cli/error.ts'
import { cpuSecondsOf } from '../usage.ts'

/** These processes and their descendants. */
export function withDescendants(pids: number[]): number[] {
  const parents = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const parent = parentOf(Number(entry))
    if (parent !== undefined) parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)])
  }
  const all = new Set<number>()
  const add = (pid: number) => {
    if (all.has(pid)) return
    all.add(pid)
    for (const child of parents.get(pid) ?? []) add(child)
  }
  for (const pid of pids) add(pid)
  return [...all]
}

/** CPU seconds, user and system, that these processes and their descendants have used so far. */
export function cpuSecondsOfAll(pids: number[]): number {
  return sum(withDescendants(pids).map((pid) => tell(pid, 'stat', cpuSecondsOf)))
}

/** Bytes of memory that are theirs: of pages that several processes share, each has its part (Pss). */
export function memoryOfAll(pids: number[]): number {
  return sum(withDescendants(pids).map((pid) => tell(pid, 'smaps_rollup', pssOf)))
}

/** The bytes in the text of /proc/PID/smaps_rollup. */
export function pssOf(rollup: string): number {
  const kib = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]
  if (kib === undefined) throw new OrlopError('Cannot read how much memory a process has; this needs Linux with /proc.')
  return Number(kib) * 1024
}

function parentOf(pid: number): number | undefined {
  return tell(pid, 'stat', (stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
}

/** What a file of a process means; nothing when the process has gone. */
function tell(pid: number, file: string, meaning: (text: string) => number): number | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
  return text === '' ? undefined : meaning(text)
}

function sum(values: (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0)
}
