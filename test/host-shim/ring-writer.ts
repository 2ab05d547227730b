// The other thread of the ring's test: writes `total` bytes of a known pattern, in pieces of changing size.

import { workerData } from 'node:worker_threads'
import { Ring } from '../../host-shim/ring.ts'

const { buffer, total } = workerData as { buffer: SharedArrayBuffer; total: number }
const ring = new Ring(buffer)
for (let written = 0; written < total; ) {
  const size = Math.min(total - written, 1 + (written % 997))
  const piece = Uint8Array.from({ length: size }, (_, i) => ((written + i) * 7) % 251)
  written += ring.write(piece)
}
