// The uplink that writes down: each frame from the machine becomes a record of a pcap file (libpcap's classic format, with
// nanoseconds), which Wireshark, tshark and tcpdump read.

import type { Frames } from '../../frames.ts'
import { Outlet } from './outlet.ts'
import type { Uplink, UplinkOptions } from './uplink.ts'

const MAGIC_NANOSECONDS = 0xa1b2_3c4d
const LINKTYPE_ETHERNET = 1
const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
/** Longer frames are not made. */
const SNAPLEN = 262_144
/** Records are handed over in pieces of about this size. */
const PIECE_BYTES = 65536

/** What a pcap file begins with. */
export function pcapHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES)
  header.writeUInt32LE(MAGIC_NANOSECONDS, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(SNAPLEN, 16)
  header.writeUInt32LE(LINKTYPE_ETHERNET, 20)
  return header
}

export class CaptureUplink implements Uplink {
  private readonly outlet: Outlet
  private isOver = false

  /** `take` gets whole records. */
  constructor(
    { out, wake }: Pick<UplinkOptions, 'out' | 'wake'>,
    private readonly take: (records: Buffer) => void,
  ) {
    this.outlet = new Outlet(out, wake, () => {
      const records = collect(out)
      if (!this.isOver) this.take(records)
      return true
    })
    this.outlet.pump()
  }

  pump(): void {
    this.outlet.pump()
  }

  close(): void {
    this.isOver = true
  }
}

function collect(out: Frames): Buffer {
  const parts: Buffer[] = []
  let size = 0
  const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))
  while (size < PIECE_BYTES) {
    const length = out.nextLength()
    if (length === 0) break
    const record = Buffer.alloc(RECORD_HEADER_BYTES + length)
    record.writeUInt32LE(Number(now / 1_000_000_000n), 0)
    record.writeUInt32LE(Number(now % 1_000_000_000n), 4)
    record.writeUInt32LE(length, 8)
    record.writeUInt32LE(length, 12)
    out.take(record.subarray(RECORD_HEADER_BYTES))
    parts.push(record)
    size += record.length
  }
  return Buffer.concat(parts, size)
}
