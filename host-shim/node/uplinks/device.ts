// The uplink to a device of the host that gives and takes whole frames: a tap, or a macvtap.
//
// Reading from it blocks, and Node can neither poll such a device nor end a thread that is blocked in it. So a process of its
// own (tap.ts) does that; it speaks QEMU's framing on its standard streams, can be ended at any time, and is started again
// when it has ended. Frames carry a struct virtio_net_hdr, so that large segments and missing sums need no work here.

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { E_UNSUPPORTED } from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import { findArtefact } from '../artefact.ts'
import { Attempts } from './attempts.ts'
import type { Uplink, UplinkOptions } from './uplink.ts'
import { Wire } from './wire.ts'

/** Which device: the name of a tap, or the path or the name of a macvtap. */
export type Device = { tap: string } | { macvtap: string }

export class DeviceUplink implements Uplink {
  private readonly wire: Wire
  private readonly attempts: Attempts
  private child: ChildProcess | undefined

  /** Opens the device, and keeps trying. Throws MachineError when Orlop has not been built. */
  constructor(
    private readonly device: Device,
    private readonly options: UplinkOptions,
  ) {
    this.wire = new Wire(options)
    const worker = findArtefact('worker.mjs')
    if (worker === undefined) {
      throw new MachineError(E_UNSUPPORTED, 'The hypervisor has not been built yet; run "npm run build" first.')
    }
    this.attempts = new Attempts(showDevice(device), () => this.open(worker), options.warn)
    this.open(worker)
    this.pump()
  }

  pump(): void {
    this.wire.pump()
  }

  hearRoom(): void {
    this.wire.hearRoom()
  }

  close(): void {
    this.attempts.end()
    this.child?.kill('SIGKILL')
  }

  private open(worker: string): void {
    const child = spawn(process.execPath, [worker, JSON.stringify(this.device)], {
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    }) as ChildProcessByStdio<Writable, Readable, Readable>
    const { stdin, stdout, stderr } = child
    let isUp = false
    let said = ''
    this.child = child
    // A message says that the device is open.
    child.on('message', () => {
      isUp = true
      this.attempts.succeed()
      this.options.setLink(true)
      this.wire.connect({ input: stdout, output: stdin }, () => child.kill('SIGKILL'))
    })
    // What is written to a process that has ended is lost, which its end tells about.
    stdin.on('error', () => undefined)
    child.on('error', (error) => {
      said = error.message
    })
    stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_MAX)
    })
    child.on('close', () => {
      this.wire.disconnect()
      if (isUp) this.options.setLink(false)
      this.attempts.fail(said.trim().split('\n').at(-1)?.replace(/\.$/, '') || 'the process that reads it has ended')
    })
  }
}

/** Characters that are kept of what the process says. */
const SAID_MAX = 2000

function showDevice(device: Device): string {
  return 'tap' in device ? `the tap ${device.tap}` : `the macvtap ${device.macvtap}`
}
