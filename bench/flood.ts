// The other end of a guest's network cable, in a process of its own: flood PATH sends full frames without end to whoever
// connects to the socket, sink PATH takes all that comes.

import { createServer, type Socket } from 'node:net'
import { constants, setPriority } from 'node:os'

const FRAME_BYTES = 1514
/** Frames that are written at once. */
const BATCH = 43
/** IEEE's "local experimental", which no protocol has. */
const ETHERTYPE = 0x88b5

const [how, path] = process.argv.slice(2)

/** Frames to everybody, each behind its length as QEMU's stream netdev has it. */
function batch(): Buffer {
  const frame = Buffer.alloc(4 + FRAME_BYTES)
  frame.writeUInt32BE(FRAME_BYTES)
  frame.fill(0xff, 4, 10)
  frame[10] = 2
  frame.writeUInt16BE(ETHERTYPE, 16)
  return Buffer.concat(Array.from({ length: BATCH }, () => frame))
}

function flood(socket: Socket): void {
  const frames = batch()
  const more = () => {
    while (socket.write(frames));
  }
  socket.on('drain', more)
  more()
}

// What the machine needs of the host's processors comes first.
setPriority(constants.priority.PRIORITY_LOW)
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy())
  socket.resume()
  if (how === 'flood') flood(socket)
})
server.listen(path, () => process.send?.('listening'))
// Whoever has started this one is gone.
process.on('disconnect', () => process.exit())
