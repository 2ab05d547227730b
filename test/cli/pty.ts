// `orlop` on a real terminal, which `script` (bsdutils) makes: keys go in, the terminal can change its size.

import { execFileSync } from 'node:child_process'
import { findProgram } from '../support/tools.ts'
import { ORLOP, Run } from './orlop.ts'

export const hasTerminal = findProgram('script') !== undefined && findProgram('stty') !== undefined

export interface Size {
  columns: number
  rows: number
}

/** What the shell says in front of all, and behind all that the program has said. */
const BEGIN = 'terminal is '
const END = 'terminal was '

export class Terminal extends Run {
  /** Starts `orlop` with these words on a terminal of this size. */
  constructor(words: string[], { columns, rows }: Size) {
    const program = [process.execPath, ORLOP, ...words].map((word) => `'${word}'`).join(' ')
    // The shell outlives Ctrl-C to tell how the program ended, and what became of the terminal's modes.
    const command = `stty cols ${columns} rows ${rows}; echo "${BEGIN}$(tty) $(stty -g)"; trap : INT; ${program}; echo "code $?"; echo "${END}$(stty -g)"`
    super(['-qfc', command, '/dev/null'], 'script', [])
  }

  press(keys: string): void {
    this.child.stdin.write(keys)
  }

  /** What the program itself has written so far. */
  get said(): string {
    const [, begin = ''] = this.stdout.split(/^terminal is .*\r\n/m)
    return begin.split(/code \d+\r\n/)[0] as string
  }

  /** The program's exit code; waits for its end. */
  async code(): Promise<number> {
    await this.shows(END)
    await this.ended
    return Number(/code (\d+)\r$/m.exec(this.stdout)?.[1])
  }

  /** After the end: are the terminal's modes what they were? */
  get isAsBefore(): boolean {
    const before = /^terminal is \S+ (\S+)\r$/m.exec(this.stdout)?.[1]
    return before !== undefined && before === /^terminal was (\S+)\r$/m.exec(this.stdout)?.[1]
  }

  resize({ columns, rows }: Size): void {
    const device = /^terminal is (\S+) /m.exec(this.stdout)?.[1] as string
    execFileSync('stty', ['-F', device, 'cols', `${columns}`, 'rows', `${rows}`])
  }
}
