// A program in a process of its own, and a talk with it: waits for words, types answers, keeps all that it said.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'

export interface TalkOptions {
  /** Milliseconds after which the program is killed and the talk fails. Default: three minutes. */
  patienceMs?: number
  /** Folder in which the program starts. Default: ours. */
  cwd?: string
}

const PATIENCE_MS = 180_000

export class Talk {
  /** All of its standard output so far, without carriage returns. */
  heard = ''
  /** All of its standard error so far. */
  errors = ''
  private readonly child: ChildProcessWithoutNullStreams
  private readonly patienceMs: number
  private readonly timer: NodeJS.Timeout
  /** Up to where `heard` has been listened to. */
  private position = 0
  private isLate = false
  private failure: Error | undefined
  private ending: { code: number | null; signal: NodeJS.Signals | null } | undefined
  private notify: () => void = () => {}

  constructor(
    private readonly command: string[],
    { patienceMs = PATIENCE_MS, cwd }: TalkOptions = {},
  ) {
    const [program = '', ...args] = command
    this.patienceMs = patienceMs
    this.child = spawn(program, args, { stdio: 'pipe', ...(cwd && { cwd }) })
    this.timer = setTimeout(() => {
      this.isLate = true
      this.child.kill('SIGKILL')
    }, patienceMs)
    this.child.stdout.setEncoding('latin1').on('data', (data: string) => {
      this.heard += data.replaceAll('\r', '')
      this.notify()
    })
    this.child.stderr.setEncoding('utf8').on('data', (data: string) => {
      this.errors += data
    })
    // It may end while we type: how it ended is what counts then.
    this.child.stdin.on('error', () => {})
    this.child.on('error', (error) => {
      this.failure = error
      this.notify()
    })
    this.child.on('close', (code, signal) => {
      clearTimeout(this.timer)
      this.ending = { code, signal }
      this.notify()
    })
  }

  /** Waits until the program says, after what was heard before, something that matches; gives all up to its end. */
  async hear(words: RegExp): Promise<string> {
    for (;;) {
      const match = words.exec(this.heard.slice(this.position))
      if (match !== null && !this.mayGoOn(words, match)) {
        const start = this.position
        this.position += match.index + match[0].length
        return this.heard.slice(start, this.position)
      }
      if (this.failure !== undefined || this.ending !== undefined) throw this.complaint(`did not say ${words}`)
      await this.news()
    }
  }

  /** A line comes in pieces, and "$" takes the end of a piece for that of the line: what is to end with it must be followed. */
  private mayGoOn(words: RegExp, match: RegExpExecArray): boolean {
    const end = this.position + match.index + match[0].length
    return words.multiline && words.source.endsWith('$') && end === this.heard.length && this.ending === undefined
  }

  type(text: string): void {
    this.child.stdin.write(text)
  }

  /** Sends a signal to the program. */
  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Holds the talk; however that ends, the program does not outlive it. */
  async hold<T>(body: (talk: this) => Promise<T>): Promise<T> {
    try {
      return await body(this)
    } finally {
      if (this.ending === undefined) this.child.kill('SIGKILL')
    }
  }

  /** Waits for the end; gives the exit code. A program that was killed, by us or otherwise, has none: then it throws. */
  async end(): Promise<number> {
    while (this.ending === undefined && this.failure === undefined) await this.news()
    if (this.failure !== undefined || this.ending?.code == null) throw this.complaint('did not end by itself')
    return this.ending.code
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.notify = resolve
    })
  }

  private complaint(what: string): Error {
    const why = this.isLate ? `within ${this.patienceMs / 1000} s` : (this.failure?.message ?? describe(this.ending))
    const said = `${this.heard.slice(-4000)}\n${this.errors.slice(-2000)}`.trim()
    return new Error(`${this.command.join(' ')}\n${what} (${why}); the last it said:\n${said}`)
  }
}

function describe(ending: Talk['ending']): string {
  return ending?.signal ? `ended by ${ending.signal}` : `ended with exit code ${ending?.code}`
}
