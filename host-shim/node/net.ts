// The machine's network ports on Node: each is a pair of frame rings, whose other ends belong to an uplink or to itself.

import * as abi from '../../hypervisor/abi.ts'
import { Frames } from '../frames.ts'
import type { Ring } from '../ring.ts'

export interface Port {
  /** Frames from the machine. */
  out: Frames
  /** Frames to the machine; the same as `out` in a loopback. */
  in: Frames
  /** Called when frames wait in `out` and its reader asked for them. */
  tellOut(): void
}

/** Bytes of a ring of frames: what a gigabit line brings in about 8 ms, the longest that a busy machine looks away. */
export const FRAMES_BYTES = 1 << 20

/** A port that gives back what is sent to it. */
export function loopback(): Port {
  const frames = Frames.create(FRAMES_BYTES)
  return { out: frames, in: frames, tellOut: () => {} }
}

/** A port over rings that another thread has made. */
export function ringPort(out: Ring, into: Ring, tellOut: () => void): Port {
  return { out: new Frames(out), in: new Frames(into), tellOut }
}

/** Network functions for the kernel's imports. */
export function makePorts(memory: WebAssembly.Memory, ports: Port[]) {
  const bytes = new Uint8Array(memory.buffer)
  return {
    netSend(number: number, ptr: number, length: number): number {
      const port = ports[number >>> 0]
      if (port === undefined) return abi.E_BAD_ID
      const start = ptr >>> 0
      const frame = bytes.subarray(start, start + (length >>> 0))
      let sent = port.out.put(frame)
      if (!sent) {
        port.out.ring.askForRoom()
        sent = port.out.put(frame)
      }
      if (port.out.ring.tellReader()) port.tellOut()
      return sent ? abi.OK : abi.E_AGAIN
    },

    netReceive(number: number, ptr: number, capacity: number): number {
      const port = ports[number >>> 0]
      if (port === undefined) return 0
      const start = ptr >>> 0
      return port.in.take(bytes.subarray(start, start + (capacity >>> 0)))
    },
  }
}
