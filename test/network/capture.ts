// A capture of a guest's network device, from its first frame on, or of a network's uplink.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { background, folder, until } from '../cli/lab.ts'

export class Capture {
  private constructor(
    private readonly child: ChildProcess,
    private readonly path: string,
  ) {}

  /** Begins; the guest may be off. `port` is a guest's name, or NET/uplink. */
  static async begin(machine: string, port: string): Promise<Capture> {
    const path = join(folder, `${machine}-${port.replace('/', '-')}.pcap`)
    const child = background(['net', 'capture', '--machine', machine, port, '-o', path])
    let said = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await until('the capture begins', () => said.includes('Capturing '))
    return new Capture(child, path)
  }

  /** Ends it; gives the pcap file. */
  async end(): Promise<string> {
    const ended = once(this.child, 'close')
    this.child.kill('SIGINT')
    const [code] = await ended
    assert.is(code, 0)
    return this.path
  }
}
