// A process of a variant: held to the CPUs that it may have, its last words kept.

import { type ChildProcess, spawn } from 'node:child_process'
import { keep } from '../children.ts'
import { withDescendants } from './processes.ts'

const KEPT = 2000

export class Daemon {
  private readonly child: ChildProcess
  private said = ''
  private ending: string | undefined
  private readonly gone: Promise<void>

  constructor(command: string[], cpus: number[], env: NodeJS.ProcessEnv = process.env) {
    const pinned = ['taskset', '-c', cpus.join(','), ...command]
    // All of a variant's processes stay in the session of this one: a host whose scheduler shares by session (autogroup) would
    // give those who are many the more, and not by their merit.
    this.child = keep(spawn(pinned[0]!, pinned.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env }))
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said = (this.said + text).slice(-KEPT)
      })
    }
    this.gone = new Promise((resolve) => {
      const end = (how: string) => {
        this.ending ??= `${how}; the last it said:\n${this.said.trim()}`
        resolve()
      }
      this.child.on('error', (error) => end(error.message))
      this.child.on('close', (code, signal) => end(`${command[0]} has ended (${signal ?? `exit code ${code}`})`))
    })
  }

  get pid(): number | undefined {
    return this.ending === undefined ? this.child.pid : undefined
  }

  /** How it has ended; undefined: it runs. */
  over(): string | undefined {
    return this.ending
  }

  /** Ends it and all that it has started at once. */
  async kill(): Promise<void> {
    for (const pid of this.pid === undefined ? [] : withDescendants([this.pid])) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has just ended by itself.
      }
    }
    await this.gone
  }
}
