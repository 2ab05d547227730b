// The process behind an uplink to a tap or a macvtap: frames from the device to its standard output, and from its standard
// input to the device, in QEMU's framing.
//
// Linux' struct virtio_net_hdr has 12 bytes here (with num_buffers). A tap is told so; a macvtap says 10 until it is told, which
// takes a call that Node does not have, so the last two are added and taken off.

import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { FRAME_HEAD, FRAME_MAX, FrameSplitter } from '../../frames.ts'
import type { Device } from './device.ts'
import { makeTap } from './ioctl.ts'

/** Bytes of the header on our side, and of the one that a macvtap has by itself. */
const HEADER = 12
const SHORT_HEADER = 10
const OUTPUT = 1
const ERRORS = 2
/** How long to wait when the parent's pipe is full, which nobody tells the end of. */
const FULL_MS = 0.5
const NEVER = new Int32Array(new SharedArrayBuffer(4))

/** What the reading thread is given. */
export interface TapInput {
  role: 'tap'
  fd: number
  /** Bytes to add behind the first SHORT_HEADER. */
  missing: number
}

/** Serves the device until it is lost, or nobody listens any more. `path` is this program's file. */
export async function serveTap(device: Device, path: string): Promise<void> {
  // With the parent this process has lost its purpose; nothing else ends a thread that is blocked in a device.
  const end = () => process.kill(process.pid, 'SIGKILL')
  process.on('disconnect', end)
  try {
    const { fd, headerBytes } = 'tap' in device ? await openTap(device.tap) : openMacvtap(device.macvtap)
    const missing = HEADER - headerBytes
    const workerData: TapInput = { role: 'tap', fd, missing }
    new Worker(path, { workerData }).on('error', fail)
    process.send?.('open')
    pour(fd, missing)
    process.stdin.on('end', end)
  } catch (error) {
    fail(error as Error)
  }
}

/** The reading thread: never returns unless the device is lost. */
export function readTap({ fd, missing }: TapInput): never {
  const buffer = Buffer.alloc(FRAME_HEAD + FRAME_MAX)
  const start = FRAME_HEAD + missing
  for (;;) {
    const length = readSync(fd, buffer, start, buffer.length - start, null)
    if (length <= 0) throw new Error('the device has ended')
    // The header moves to the front, and num_buffers, which only a device's driver reads, is zero.
    if (missing > 0) {
      buffer.copyWithin(FRAME_HEAD, start, start + SHORT_HEADER)
      buffer.fill(0, FRAME_HEAD + SHORT_HEADER, FRAME_HEAD + HEADER)
    }
    buffer.writeUInt32BE(length + missing)
    writeAll(buffer.subarray(0, start + length))
  }
}

/** Writes to the parent, at its pace: what it does not take meanwhile waits in the device, which drops what is too much. */
function writeAll(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(OUTPUT, bytes, at, bytes.length - at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(NEVER, 0, 0, FULL_MS)
    }
  }
}

/** Writes to the device what comes in. */
function pour(fd: number, missing: number): void {
  const splitter = new FrameSplitter()
  process.stdin.on('data', (piece: Buffer) => {
    splitter.push(piece, (frame) => {
      if (frame.length <= HEADER) return
      // The bytes before the shortened header's end are no longer needed where they are.
      if (missing > 0) frame.copyWithin(missing, 0, SHORT_HEADER)
      try {
        writeSync(fd, frame, missing, frame.length - missing)
      } catch {
        // The device is down, full, or does not take this frame: it is lost, as on any wire.
      }
    })
  })
}

async function openTap(name: string): Promise<{ fd: number; headerBytes: number }> {
  const fd = openDevice('/dev/net/tun', `tap ${name}`)
  try {
    await makeTap(fd, name, HEADER)
    return { fd, headerBytes: HEADER }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** `name` is that of the interface, or the path of its device. */
function openMacvtap(name: string): { fd: number; headerBytes: number } {
  return { fd: openDevice(devicePath(name), `macvtap ${name}`), headerBytes: SHORT_HEADER }
}

function devicePath(name: string): string {
  if (name.startsWith('/')) return name
  try {
    return `/dev/tap${readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8').trim()}`
  } catch {
    throw new Error(
      `there is no interface "${name}"; make it with "ip link add link eth0 name ${name} type macvtap mode bridge"`,
    )
  }
}

function openDevice(path: string, what: string): number {
  try {
    return openSync(path, 'r+')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const isRight = code === 'EACCES' || code === 'EPERM'
    throw new Error(
      isRight
        ? `this user may not open ${path}; give it the right ("chown" it), or another uplink`
        : `${what}: ${message}`,
    )
  }
}

/** Says why, and ends even if a thread is blocked in the device. */
function fail(error: Error): void {
  writeSync(ERRORS, `${error.message}\n`)
  process.kill(process.pid, 'SIGKILL')
}
