// The user's terminal, or the pipes in its place: takes keys raw, writes without losing a byte, and is always restored.

import { spawnSync } from 'node:child_process'
import type { ReadStream } from 'node:tty'

/** Ctrl-], as in telnet and "virsh console". */
const ESCAPE = 0x1d
/** How long the reader of our output may hold up the end of a run that was cut short. */
const HURRY_MS = 1_000

export interface Keys {
  /** Takes what of these bytes it has room for; returns how many. */
  input(bytes: Uint8Array): number
  /** Fulfilled when there may be room again. */
  room(): Promise<void>
}

export class Terminal {
  private atLineStart = true
  private isRaw = false
  private isLate = false
  private fulfilLate!: () => void
  /** Fulfilled when output is not waited for any more. */
  private readonly late = new Promise<void>((fulfil) => {
    this.fulfilLate = fulfil
  })

  constructor(
    private readonly stdin: NodeJS.ReadStream = process.stdin,
    private readonly stdout: NodeJS.WriteStream = process.stdout,
  ) {}

  /**
   * Gives what is typed to `keys` from now on. On a terminal, `leave` is called for Ctrl-], and keys for which there is
   * no room are lost, as on any serial line; what comes from a pipe waits, and its end is not the end of the guest.
   */
  attach(keys: Keys, leave: () => void): void {
    const { stdin } = this
    if (stdin.isTTY) {
      ;(stdin as ReadStream).setRawMode(true)
      this.isRaw = true
      // Node's raw mode still turns \n into \r\n, which spoils full-screen programs. Restoring undoes this, too.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
      // Also runs when the process dies of an error of its own.
      process.on('exit', () => this.restore())
    }
    stdin.on('data', (bytes: Buffer) => {
      const end = stdin.isTTY ? bytes.indexOf(ESCAPE) : -1
      const wanted = end < 0 ? bytes : bytes.subarray(0, end)
      const taken = keys.input(wanted)
      if (end >= 0) leave()
      else if (!stdin.isTTY && taken < wanted.length) void this.giveRest(keys, wanted.subarray(taken))
    })
    // A terminal that has gone away, or an input that cannot be read: the guest gets nothing more.
    stdin.on('error', () => stdin.pause())
  }

  /** Writes a piece of the guest's output; fulfilled when it has gone out, or will not in time. */
  write(piece: Uint8Array): Promise<void> {
    if (piece.length === 0 || this.isLate) return Promise.resolve()
    this.atLineStart = piece.at(-1) === 0x0a
    const written = new Promise<void>((fulfil) => {
      this.stdout.write(piece, () => fulfil())
    })
    return Promise.race([written, this.late])
  }

  /** Writes our own text, on a line of its own, as the last thing. */
  print(text: string): Promise<void> {
    const line = Buffer.from(this.atLineStart ? text : `\n${text}`)
    return this.write(line)
  }

  /** Says something on stderr while the guest has the terminal, which then needs a carriage return, too. */
  note(message: string): void {
    const end = this.isRaw ? '\r\n' : '\n'
    process.stderr.write(`${this.isRaw && !this.atLineStart ? end : ''}orlop: ${message}${end}`)
  }

  /** From now on a reader that does not read holds nothing up for longer than a moment. */
  hurryUp(): void {
    setTimeout(() => {
      this.isLate = true
      this.fulfilLate()
    }, HURRY_MS).unref()
  }

  /** Gives the terminal back as it was, on a new line, and takes nothing more from it. */
  restore(): void {
    if (this.stdout.isTTY && !this.atLineStart) {
      this.stdout.write('\n')
      this.atLineStart = true
    }
    if (this.stdin.isTTY) (this.stdin as ReadStream).setRawMode(false)
    this.isRaw = false
    this.stdin.pause()
  }

  private async giveRest(keys: Keys, rest: Uint8Array): Promise<void> {
    this.stdin.pause()
    for (let left = rest; left.length > 0; ) {
      await keys.room()
      left = left.subarray(keys.input(left))
    }
    this.stdin.resume()
  }
}
