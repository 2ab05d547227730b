// passt, the translator that virtual machines without rights use: the outer end of a stream uplink, with a capture of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { folder, until } from '../cli/lab.ts'
import { requireTool } from '../support/tools.ts'

/** What passt calls itself and whom it serves. Its own addresses lead to the host's loopback. */
export const PASST = { own: '10.44.0.1', peer: '10.44.0.2', own6: 'fd44::1', peer6: 'fd44::2' }

export function canHavePasst(): boolean {
  return requireTool('passt', 'passt')
}

export class Passt {
  /** Where it listens, for one at a time. */
  readonly socket: string
  private child: ChildProcess | undefined
  private said = ''
  private starts = 0

  /** It tells who asks for an address to send packets of up to `mtu` bytes. */
  constructor(
    private readonly name: string,
    private readonly mtu: number,
  ) {
    this.socket = join(folder, `${name}.sock`)
  }

  /** Its frames since the last start, as a pcap file. */
  get pcap(): string {
    return join(folder, `${this.name}-${this.starts}.pcap`)
  }

  /** Starts it; fulfilled when it listens. */
  async start(): Promise<void> {
    this.starts++
    rmSync(this.socket, { force: true })
    const addresses = Object.entries({ '-a': [PASST.peer, PASST.peer6], '-g': [PASST.own, PASST.own6] })
    const { getuid = () => 0, getgid = () => 0 } = process
    // As root it would become a user that may not enter our folder.
    const args = ['--foreground', '--stderr', '--runas', `${getuid()}:${getgid()}`, '--socket', this.socket]
    args.push('--pcap', this.pcap, ...addresses.flatMap(([flag, both]) => both.flatMap((one) => [flag, one])))
    args.push('-n', '24', '-D', PASST.own, '-m', String(this.mtu))
    const child = spawn('passt', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.child = child
    child.stderr!.setEncoding('utf8').on('data', (text) => (this.said += text))
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    child.once('close', () => process.off('exit', end))
    await until('passt listens', () => {
      if (child.exitCode !== null) throw new Error(`passt has ended: ${this.said}`)
      return existsSync(this.socket)
    })
  }

  /** Ends it as a crash would; its capture is whole then. */
  async stop(): Promise<void> {
    const { child } = this
    if (child === undefined) return
    this.child = undefined
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'close')
  }
}
