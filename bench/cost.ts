// What a program costs: the CPU seconds of a process with all that it started, and the most memory it held.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { OrlopError } from '../cli/error.ts'
import { keep, kill } from './children.ts'

export interface Cost {
  /** Seconds of CPU, user and system, of the process and its children. */
  cpuSeconds: number
  /** Largest resident set in bytes, undefined where /proc does not tell it. */
  peakBytes: number | undefined
  /** Most resident bytes of one mapping, which is the memory of the wasm instance; undefined as above. */
  mappingBytes: number | undefined
  /** What it wrote to standard output. */
  output: string
}

export interface CostOptions {
  /** Called with everything written to standard output so far; a returned text is typed into the program. */
  listen?(output: string): string | undefined
  /** Default: ten minutes. */
  timeoutMs?: number
}

const TIMEOUT_MS = 600_000
const LOOK_MS = 50

/** Runs a program to its end, which must be a good one. */
export function costOf(command: string[], options: CostOptions = {}): Promise<Cost> {
  const { listen, timeoutMs = TIMEOUT_MS } = options
  // The shell's `time` counts what a child has used once it has ended: Node itself cannot tell that of its children.
  const timed = ['-c', 'TIMEFORMAT="orlop-cost %3U %3S"; time "$@"', '-', ...command]
  return new Promise((resolve, reject) => {
    const child = keep(spawn('bash', timed, { stdio: ['pipe', 'pipe', 'pipe'], detached: true }), true)
    const name = command.join(' ').slice(0, 200)
    let output = ''
    let errors = ''
    let peakBytes: number | undefined
    let mappingBytes: number | undefined
    const watch = setInterval(() => {
      const program = programOf(child.pid)
      peakBytes = most(peakBytes, kibOf(`/proc/${program}/status`, /^VmHWM:\s+(\d+) kB$/gm))
      mappingBytes = most(mappingBytes, kibOf(`/proc/${program}/smaps`, /^Rss:\s+(\d+) kB$/gm))
    }, LOOK_MS)
    const timer = setTimeout(() => {
      kill(child)
      errors += `\nNo end after ${timeoutMs / 1000} s.`
    }, timeoutMs)
    child.stdin.on('error', () => {})
    child.stdout.setEncoding('utf8').on('data', (data: string) => {
      output += data
      const typed = listen?.(output)
      if (typed !== undefined) child.stdin.write(typed)
    })
    child.stderr.setEncoding('utf8').on('data', (data: string) => {
      errors += data
    })
    child.on('error', reject)
    child.on('close', (code) => {
      clearInterval(watch)
      clearTimeout(timer)
      const cost = errors.match(/^orlop-cost ([\d.]+) ([\d.]+)$/m)
      if (code !== 0 || cost === null) {
        const said = `${output.slice(-1000)}\n${errors}`.trim()
        reject(new OrlopError(`${name} failed (exit code ${code}); the last it said:\n${said}`, 1))
        return
      }
      resolve({ cpuSeconds: Number(cost[1]) + Number(cost[2]), peakBytes, mappingBytes, output })
    })
  })
}

function most(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
}

/** The process that the shell has started; undefined: not yet, or no more. */
function programOf(shell: number | undefined): string | undefined {
  return read(`/proc/${shell}/task/${shell}/children`)?.trim().split(' ')[0]
}

/** The largest of the numbers, in KiB, that `pattern` finds in a file of /proc; in bytes. */
function kibOf(path: string, pattern: RegExp): number | undefined {
  const found = [...(read(path) ?? '').matchAll(pattern)].map((match) => Number(match[1]))
  return found.length === 0 ? undefined : Math.max(...found) * 1024
}

/** A process may have ended meanwhile, and not every system has /proc. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
