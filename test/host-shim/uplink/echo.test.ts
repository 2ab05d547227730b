// Echoes of the gateway that are longer than a packet.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NodeSockets, nodeClock } from '../../../host-shim/node/uplinks/sockets.ts'
import { Reassembly } from '../../../host-shim/uplink/fragments.ts'
import { OFFLOAD_BYTES } from '../../../host-shim/uplink/wire.ts'
import { Bench, ip } from './wire.ts'

const MTU = 1280
const ETHERNET_BYTES = 14

for (const [family, protocol, request, reply] of [
  [4, 1, 8, 0],
  [6, 58, 128, 129],
] as const) {
  test(`an echo over IPv${family} that is longer than a packet comes back in pieces that fit`, () => {
    const bench = new Bench(new NodeSockets(), nodeClock, { mtu: MTU })
    const said = Uint8Array.from({ length: 5000 }, (_, i) => (i < 4 ? 0 : i * 7))
    said[0] = request
    bench.send(ip(family, protocol, said))
    bench.gateway.pump()
    const reassembly = new Reassembly()
    let frames = 0
    for (;;) {
      const { packet, frame, kind } = bench.receive()!
      frames++
      assert.is(kind, 'ip')
      if (!packet.isFragment) continue
      assert.ok(frame.length <= OFFLOAD_BYTES + ETHERNET_BYTES + MTU, `${frame.length} bytes`)
      if (!reassembly.take(packet, 0)) continue
      assert.ok(packet.checkIcmp())
      assert.is(packet.bytes[packet.transportAt], reply)
      assert.equal(packet.bytes.slice(packet.transportAt + 4, packet.dataEnd), said.slice(4))
      break
    }
    assert.ok(frames >= 4)
    assert.is(bench.receive(), undefined)
    bench.gateway.close()
  })
}

test.run()
