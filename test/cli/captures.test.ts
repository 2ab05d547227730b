// Captures of a guest's network devices: a pcap file from its first byte on, whenever the frames come.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Captures } from '../../cli/machine/captures.ts'
import type { Metal, MetalGuest } from '../../cli/machine/metal.ts'
import { pcapHeader } from '../../host-shim/node/uplinks/capture.ts'

const RECORD = Uint8Array.of(1, 2, 3)

test('regression: frames that come while a capture begins are behind the header', async () => {
  const machine = {
    capture: async (_guest: unknown, _nic: number, take: (records: Uint8Array) => void) => {
      take(RECORD)
      return { close: async () => undefined }
    },
  } as Partial<Metal> as Metal
  const pieces: Uint8Array[] = []
  const end = await new Captures(machine).begin(0, (piece) => pieces.push(piece), {} as MetalGuest)
  assert.equal(
    pieces.map((piece) => [...piece]),
    [[...pcapHeader()], [...RECORD]],
  )
  await end()
})

test.run()
