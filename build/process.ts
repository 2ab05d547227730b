// Runs one program to its end and gives back what it said: the way in which every build script starts another.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The folder of the whole project. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export interface ProcessOptions {
  /** Milliseconds after which the program and all that it started are killed. Default: never. */
  timeoutMs?: number
  /** Added to this process's own environment. */
  env?: Record<string, string>
}

export interface Outcome {
  /** True when it ended by itself with exit code 0. */
  ok: boolean
  /** How it ended, as a phrase: "exit code 1", "signal SIGSEGV", "no end after 60 s". */
  ending: string
  /** Standard output and standard error as they came. */
  output: string
  seconds: number
}

/** How long an ended program's output may still be on its way. */
const LAST_WORDS_MS = 2000

const running = new Set<number>()
/** What signals are for instead, while there is such a thing. */
let heir: ((signal: NodeJS.Signals) => void) | undefined

/** Signals do not end this script while `work` is done, but are told to `hear`. */
export async function withSignalsTo<T>(hear: (signal: NodeJS.Signals) => void, work: () => Promise<T>): Promise<T> {
  heir = hear
  try {
    return await work()
  } finally {
    heir = undefined
  }
}

/** Runs `node ARGS` in the project's folder without input. */
export function runNode(args: string[], options: ProcessOptions = {}): Promise<Outcome> {
  const start = performance.now()
  return new Promise((resolve) => {
    // A group of its own, so that a timeout also ends what the program has started.
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const pid = child.pid
    let output = ''
    let overtime = false
    const hear = (data: string) => {
      output += data
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(expire, options.timeoutMs)
    if (pid !== undefined) running.add(pid)

    function expire(): void {
      overtime = true
      if (pid !== undefined) killGroup(pid)
    }
    function finish(ok: boolean, ending: string): void {
      clearTimeout(timer)
      if (pid !== undefined) running.delete(pid)
      resolve({ ok, ending, output, seconds: (performance.now() - start) / 1000 })
    }
    child.on('error', (error) => finish(false, error.message))
    let ending = ''
    let ok = false
    child.on('exit', (code, signal) => {
      ok = code === 0 && !overtime
      ending = signal === null ? `exit code ${code}` : `signal ${signal}`
      if (overtime) ending = `no end after ${(options.timeoutMs ?? 0) / 1000} s`
      // A grandchild that outlives the program may hold its pipes open: what counts is the program's own end.
      setTimeout(() => finish(ok, ending), LAST_WORDS_MS).unref()
    })
    child.on('close', () => finish(ok, ending))
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

/** Whoever stops a build script stops what it has started, too. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (heir !== undefined) return heir(signal)
    for (const pid of running) killGroup(pid)
    process.exit(130)
  })
}
