// The machine's numbered uplinks as the kernel calls them on Node: each is a pair of frame rings, whose other ends belong to
// an uplink of uplinks/.
//
// All that matters is in the rings, because each frame may go by another CPU. The kernel sees to it that two CPUs are never at
// the same end of one ring at once.

import * as abi from '../../hypervisor/abi.ts'
import type { Frames } from '../frames.ts'

export interface NetPort {
  /** Frames from the machine. */
  out: Frames
  /** Frames to the machine; the same ring as that of `out` in a loopback. */
  in: Frames
  /** Called when frames wait in `out` and its reader asked for them, or the machine itself is the reader. */
  tellOut(): void
  /** Called when room was made in `in` and its writer asked for it. */
  tellRoom(): void
}

/** Bytes of a ring of frames: what a gigabit line brings in about 8 ms, the longest that a busy machine looks away. */
export const FRAMES_BYTES = 1 << 20

/** Network functions for the kernel's imports. */
export function makeNet(memory: WebAssembly.Memory, uplinks: ReadonlyMap<number, NetPort>) {
  const bytes = new Uint8Array(memory.buffer)
  return {
    netSend(number: number, ptr: number, length: number): number {
      const port = uplinks.get(number >>> 0)
      if (port === undefined) return abi.E_BAD_ID
      const start = ptr >>> 0
      const frame = bytes.subarray(start, start + (length >>> 0))
      let sent = port.out.put(frame)
      if (!sent) {
        port.out.ring.askForRoom()
        sent = port.out.put(frame)
      }
      const isLoopback = port.out.ring.buffer === port.in.ring.buffer
      if (isLoopback || port.out.ring.tellReader()) port.tellOut()
      return sent ? abi.OK : abi.E_AGAIN
    },

    netReceive(number: number, ptr: number, capacity: number): number {
      const port = uplinks.get(number >>> 0)
      if (port === undefined) return 0
      const start = ptr >>> 0
      const length = port.in.take(bytes.subarray(start, start + (capacity >>> 0)))
      if (length > 0 && port.in.ring.tellWriter()) port.tellRoom()
      return length
    },
  }
}
