// A real Linux TCP/IP stack at the machine's end of the uplink: a network namespace, whose tap device the rings lead to.

import { type ChildProcess, type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FRAME_HEAD, Frames, FrameSplitter } from '../../../host-shim/frames.ts'
import { requireTool } from '../../support/tools.ts'

const TAP = fileURLToPath(new URL('tap.pl', import.meta.url))
const MAC = '02:6f:72:6c:00:02'
const COMMANDS = [
  'ip link set lo up',
  `ip link set tap0 address ${MAC}`,
  'sysctl -qw net.ipv6.conf.tap0.accept_ra=0 || true',
  'ip link set tap0 up',
  'ip addr add 192.0.0.2/29 dev tap0',
  'ip route add default via 192.0.0.1',
  'ip -6 addr add fd6f:726c:6f70::2/64 dev tap0 nodad',
  'ip -6 route add default via fd6f:726c:6f70::1',
]
const CAPACITY = 1 << 20

/** Whether this host lets a user have a network namespace with a tap device; says why not. */
export function hasNamespaces(): boolean {
  if (!requireTool('unshare', 'util-linux') || !requireTool('perl', 'perl-base') || !requireTool('ip', 'iproute2'))
    return false
  try {
    execFileSync('unshare', ['--map-root-user', '--net', 'ip', 'tuntap', 'add', 'tap0', 'mode', 'tap'], {
      stdio: 'pipe',
    })
    return true
  } catch {
    process.stderr.write('Skipped: this host gives users no network namespaces with tap devices.\n')
    return false
  }
}

/** What an uplink needs of its options. */
export interface Ends {
  out: Frames
  in: Frames
  wake(): void
}

export class Linux {
  /** What is passed to the uplink. */
  readonly ends: Ends
  /** Called when frames wait for the uplink. */
  pump: () => void = () => {}
  /** Frames that go by are changed or, by undefined, lost. */
  onWayIn: (frame: Uint8Array) => Uint8Array | undefined = (frame) => frame
  onWayOut: (frame: Uint8Array) => Uint8Array | undefined = (frame) => frame
  private readonly children = new Set<ChildProcess>()
  private readonly waiting: Uint8Array[] = []
  private readonly buffer = new Uint8Array(1 << 17)
  private isCongested = false

  private constructor(private readonly process: ChildProcessWithoutNullStreams) {
    this.ends = { out: Frames.create(CAPACITY), in: Frames.create(CAPACITY), wake: () => this.exchange() }
    const splitter = new FrameSplitter()
    process.stdout.on('data', (piece: Uint8Array) => {
      splitter.push(piece, (frame) => {
        const kept = this.onWayOut(frame)
        if (kept !== undefined) this.waiting.push(kept.slice())
      })
      this.exchange()
    })
    process.stdin.on('drain', () => {
      this.isCongested = false
      this.exchange()
    })
    process.stdin.on('error', () => {})
  }

  static async start(commands: string[] = []): Promise<Linux> {
    const child = spawn('unshare', ['--map-root-user', '--net', 'perl', TAP, ...COMMANDS, ...commands])
    let said = ''
    await new Promise<void>((fulfil, reject) => {
      child.stderr.on('data', (text) => {
        said += text
        if (said.includes('ready\n')) fulfil()
      })
      child.once('exit', () => reject(new Error(said)))
    })
    return new Linux(child)
  }

  /** Starts a program in the namespace. */
  spawn(command: string, ...args: string[]): ChildProcess {
    const where = ['--target', String(this.process.pid), '--user', '--net', '--preserve-credentials']
    const child = spawn('nsenter', [...where, command, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.children.add(child)
    child.once('exit', () => this.children.delete(child))
    return child
  }

  /** Runs a program in the namespace to its end; gives its output, also that of a failure. */
  async run(command: string, ...args: string[]): Promise<{ code: number; output: string }> {
    const child = this.spawn(command, ...args)
    let output = ''
    child.stdout?.on('data', (text) => (output += text))
    child.stderr?.on('data', (text) => (output += text))
    child.stdin?.end()
    const [code] = await once(child, 'close')
    return { code, output }
  }

  /** Runs a program for Node in the namespace. */
  node(program: string, ...args: string[]): Promise<{ code: number; output: string }> {
    return this.run(process.execPath, '--input-type=module', '-e', program, '--', ...args)
  }

  async stop(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL')
    const gone = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await gone
  }

  /** Moves frames both ways as far as there is room. */
  private exchange(): void {
    const { out, in: into } = this.ends
    while (this.waiting.length > 0) {
      if (!out.put(this.waiting[0]!)) {
        out.ring.askForRoom()
        break
      }
      this.waiting.shift()
    }
    if (this.waiting.length > 64) this.process.stdout.pause()
    else this.process.stdout.resume()
    while (!this.isCongested) {
      const length = into.take(this.buffer)
      if (length === 0) break
      const frame = this.onWayIn(this.buffer.subarray(0, length))
      if (frame === undefined) continue
      const framed = new Uint8Array(FRAME_HEAD + frame.length)
      new DataView(framed.buffer).setUint32(0, frame.length)
      framed.set(frame, FRAME_HEAD)
      this.isCongested = !this.process.stdin.write(framed)
    }
    if (out.ring.tellReader()) queueMicrotask(() => this.pump())
  }
}
