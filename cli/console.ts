// `orlop console`: gives a guest of a running machine this terminal.

import { COMMON_HELP, GUEST_HELP, guestOf, readAsk, secondsOf, withMachine } from './ask.ts'
import { OrlopError } from './error.ts'
import type { Client } from './machine/client.ts'
import type { Push } from './machine/protocol.ts'
import type { GuestSample } from './machine/sample.ts'
import { Needle } from './needle.ts'
import { type Keys, Terminal } from './terminal.ts'

export const help = `Usage: orlop console [--read-only] GUEST

Shows the last of what a guest has said and gives it this terminal, until Ctrl-] or until the guest is off. Leaving does
nothing to the guest. Several may watch, and type.

  --read-only      watch only
  --stay           stay when the guest is off, and see it start again
  --until TEXT     end well as soon as the console shows TEXT, or has shown it lately
  --timeout S      end after S seconds, with exit code 124
${COMMON_HELP} after the end

${GUEST_HELP}
`

/** So many typed bytes may wait for a guest that does not read them. */
const TYPED_MAX_BYTES = 4096
/** So much output may wait for the terminal before no more of it is read. */
const SHOWN_MAX_BYTES = 256 * 1024
const OFF = ['shut off', 'crashed', 'removed']

interface End {
  why: 'left' | 'off' | 'gone' | 'until' | 'timeout' | 'signal'
  exitCode: number
  message?: string
}

/** Does what the words after "console" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('console', args, {
    'read-only': { value: false },
    stay: { value: false },
    until: { value: true },
    timeout: { value: true },
  })
  const guest = guestOf('console', words)
  const until = words.values.get('until')?.[0]
  if (until === '') throw new OrlopError('--until needs a text that is not empty.')
  const timeoutMs = secondsOf(words, 'timeout')
  return withMachine(words, async (client) => {
    const terminal = new Terminal()
    const watch = new Watch(client, guest, terminal, until, words.values.has('stay'))
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            terminal.hurryUp()
            watch.end({ why: 'timeout', exitCode: 124, message: `The time is up after ${timeoutMs / 1000} s.` })
          }, timeoutMs)
    try {
      const end = await watch.play(words.values.has('read-only'))
      terminal.restore()
      if (end.message !== undefined) terminal.note(end.message)
      if (words.values.has('json')) await terminal.print(`${JSON.stringify({ guest: watch.name, ended: end.why })}\n`)
      return end.exitCode
    } finally {
      clearTimeout(timer)
      terminal.restore()
    }
  })
}

/** What the machine answers to "attach". */
interface Attached {
  guest: GuestSample
  /** The last that the guest has said, in base64; what it says from then on is pushed behind this reply. */
  backlog: string
}

class Watch {
  name = ''
  private readonly needle: Needle | undefined
  private decide!: (end: End) => void
  private readonly ended = new Promise<End>((fulfil) => (this.decide = fulfil))
  private shown: Promise<void> = Promise.resolve()
  private unshownBytes = 0
  private id = 0

  constructor(
    private readonly client: Client,
    private readonly guest: string,
    private readonly terminal: Terminal,
    until: string | undefined,
    private readonly stays: boolean,
  ) {
    this.needle = until === undefined ? undefined : new Needle(until)
  }

  async play(isReadOnly: boolean): Promise<End> {
    const { client, terminal } = this
    client.onPush = (push) => this.hear(push)
    await client.request('watch')
    const reply = await client.request<Attached>('attach', { guest: this.guest }, ({ guest, backlog }) => {
      this.name = guest.name
      this.id = guest.id
      this.show(Buffer.from(backlog, 'base64'))
    })
    if (process.stdin.isTTY) terminal.note(`"${this.name}" is ${reply.guest.state}; Ctrl-] leaves.`)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => this.end({ why: 'signal', exitCode: 130, message: `Ended by ${signal}.` }))
    }
    // Without input of its own there is still the escape to listen for.
    const keys = isReadOnly ? { input: (bytes: Uint8Array) => bytes.length, room: async () => {} } : this.keys()
    if (process.stdin.isTTY || !isReadOnly) terminal.attach(keys, () => this.end({ why: 'left', exitCode: 0 }))
    void client.closed.then(() => this.end({ why: 'gone', exitCode: 1, message: 'The machine has gone down.' }))
    const end = await this.ended
    await this.shown
    return end
  }

  end(end: End): void {
    this.decide(end)
  }

  private hear(push: Push): void {
    if (push.event === 'output' && push.guest === this.id) this.show(Buffer.from(push.bytes, 'base64'))
    if (push.event === 'lost') this.terminal.note(`${push.count} bytes of output came too fast for this terminal.`)
    if (push.event !== 'log' || push.entry.guest !== this.name || this.stays) return
    const { what, reason } = push.entry
    if (!OFF.includes(what)) return
    const message = `"${this.name}" is ${what}${reason === undefined ? '' : ` (${reason})`}.`
    const isUnanswered = this.needle !== undefined
    this.end({ why: 'off', exitCode: isUnanswered ? 1 : 0, message })
  }

  /** Shows output in order. A terminal that does not take it holds up this process, and the machine goes on. */
  private show(piece: Buffer): void {
    this.unshownBytes += piece.length
    if (this.unshownBytes > SHOWN_MAX_BYTES) this.client.listen(false)
    this.shown = this.shown.then(async () => {
      await this.terminal.write(piece)
      this.unshownBytes -= piece.length
      if (this.unshownBytes <= SHOWN_MAX_BYTES) this.client.listen(true)
    })
    if (this.needle?.isIn(piece)) this.end({ why: 'until', exitCode: 0 })
  }

  private keys(): Keys {
    let waiting = Buffer.alloc(0)
    let sending: Promise<void> | undefined
    const send = async () => {
      while (waiting.length > 0) {
        const bytes = waiting.toString('base64')
        waiting = Buffer.alloc(0)
        try {
          await this.client.request('input', { guest: `${this.id}`, bytes })
        } catch (error) {
          // A guest that is off takes nothing; that is said where its state changes.
          if (!(error instanceof OrlopError)) throw error
        }
      }
    }
    return {
      input: (bytes) => {
        const taken = bytes.subarray(0, TYPED_MAX_BYTES - waiting.length)
        waiting = Buffer.concat([waiting, taken])
        sending ??= send().finally(() => (sending = undefined))
        return taken.length
      },
      room: () => sending ?? Promise.resolve(),
    }
  }
}
