// Talks to a program as a person at its terminal would: waits for words, types an answer, waits for the end.

import { type ChildProcess, spawn } from 'node:child_process'

/** Thrown when the program ends or falls silent before it has said what was expected. */
export class Unanswered extends Error {}

export class Dialogue {
  private readonly child: ChildProcess
  /** What it has said since the last words that were found. */
  private heard = ''
  private ended: number | undefined
  private notify: () => void = () => {}
  private readonly deadline: number

  /** Starts `command` with `args`; all that it says is passed on to our own output. `timeoutMs` is for the whole talk. */
  constructor(
    command: string,
    args: string[],
    private readonly timeoutMs: number,
  ) {
    this.deadline = Date.now() + timeoutMs
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdout?.setEncoding('utf8').on('data', (data: string) => {
      process.stdout.write(data)
      this.heard += data
      this.notify()
    })
    // It may end while we type: how it ended is what counts then.
    this.child.stdin?.on('error', () => {})
    this.child.on('close', (code, signal) => {
      this.ended = code ?? (signal === null ? 1 : 128)
      this.notify()
    })
  }

  /** Waits until the program says something that matches. */
  async hear(words: RegExp): Promise<void> {
    for (;;) {
      const match = words.exec(this.heard)
      if (match !== null) {
        this.heard = this.heard.slice(match.index + match[0].length)
        return
      }
      if (this.ended !== undefined)
        throw new Unanswered(`It ended with exit code ${this.ended} before it said ${words}.`)
      await this.news(`did not say ${words}`)
    }
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  /** Waits for the end; gives the exit code. */
  async end(): Promise<number> {
    while (this.ended === undefined) await this.news('did not end')
    return this.ended
  }

  private news(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.child.kill('SIGKILL')
          reject(new Unanswered(`It ${what} within ${this.timeoutMs / 1000} s.`))
        },
        Math.max(0, this.deadline - Date.now()),
      )
      this.notify = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
