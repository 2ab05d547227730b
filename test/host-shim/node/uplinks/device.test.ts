// The uplinks to a tap and to a macvtap carry frames to and from Linux itself, in a network namespace of the test's own.

import { fileURLToPath } from 'node:url'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mknodSync } from './mknod.ts'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Device, DeviceUplink } from '../../../../host-shim/node/uplinks/device.ts'
import { hasNamespaces, ip, isInside, runInside } from '../../../support/namespace.ts'
import { plug, until } from './socket.ts'

const OURS = '02:00:00:00:00:02'
const HEADER = 12

const bytesOf = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex')
const open = (device: Device) => plug((options) => new DeviceUplink(device, options))
type Port = ReturnType<typeof open>

/** A UDP packet in a frame behind an empty virtio_net_hdr, without a UDP sum. */
function packet(
  from: { mac: string; ip: string; port: number },
  to: { mac: string; ip: string; port: number },
  text: string,
): Buffer {
  const ipOf = (address: string) => Buffer.from(address.split('.').map(Number))
  const body = Buffer.from(text)
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(28 + body.length, 2)
  header.set([64, 17], 8)
  ipOf(from.ip).copy(header, 12)
  ipOf(to.ip).copy(header, 16)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  header.writeUInt16BE(~sum & 0xffff, 10)
  const udp = Buffer.alloc(8)
  udp.writeUInt16BE(from.port, 0)
  udp.writeUInt16BE(to.port, 2)
  udp.writeUInt16BE(8 + body.length, 4)
  return Buffer.concat([
    Buffer.alloc(HEADER),
    bytesOf(to.mac),
    bytesOf(from.mac),
    Buffer.from([8, 0]),
    header,
    udp,
    body,
  ])
}

/** The text of the next UDP packet to `port` that comes out of the uplink. */
async function hear({ receive }: Port, port: number): Promise<string> {
  let text: string | undefined
  await until(() => {
    for (let one = receive(); one !== undefined && text === undefined; one = receive()) {
      const frame = Buffer.from(one).subarray(HEADER)
      const isUdp = frame.length > 42 && frame.readUInt16BE(12) === 0x800 && frame[23] === 17
      if (isUdp && frame.readUInt16BE(36) === port) text = frame.subarray(42, 14 + frame.readUInt16BE(16)).toString()
    }
    return text !== undefined
  }, `a packet to port ${port}`)
  return text as string
}

/** Packets go both ways between the uplink and a socket of Linux behind `link`, which has 10.77.0.1. */
async function talk(port: Port, link: string): Promise<void> {
  const mac = /link\/ether (\S+)/.exec(ip('link', 'show', link))?.[1] as string
  ip('neigh', 'replace', '10.77.0.2', 'lladdr', OURS, 'dev', link, 'nud', 'permanent')
  const socket = createSocket('udp4').bind(7000, '10.77.0.1')
  await once(socket, 'listening')
  const heard = once(socket, 'message')
  const from = { mac: OURS, ip: '10.77.0.2', port: 7001 }
  assert.ok(port.send(packet(from, { mac, ip: '10.77.0.1', port: 7000 }, 'to Linux')))
  assert.is(String((await heard)[0]), 'to Linux')
  socket.send('from Linux', 7001, '10.77.0.2')
  assert.is(await hear(port, 7001), 'from Linux')
  socket.close()
}

if (!isInside) {
  test('a tap and a macvtap carry frames to Linux and back, in a namespace', () => {
    if (!hasNamespaces()) return
    const { status, output } = runInside(fileURLToPath(import.meta.url))
    assert.is(status, 0, output)
  })
} else {
  test('a tap carries frames both ways, and is up and down with its process', async () => {
    const port = open({ tap: 'orlop0' })
    await until(() => port.links.length > 0, 'the link')
    assert.equal(port.links, [true])
    ip('addr', 'add', '10.77.0.1/24', 'dev', 'orlop0')
    ip('link', 'set', 'orlop0', 'up')
    await talk(port, 'orlop0')
    // Who takes the device away takes the link down; it comes back as a new one.
    ip('link', 'del', 'orlop0')
    await until(() => port.links.length >= 3, 'the device anew')
    assert.equal(port.links.slice(0, 3), [true, false, true])
    assert.match(port.warnings[0] as string, /^No uplink to the tap orlop0: .*; trying again\.$/)
    ip('addr', 'add', '10.77.0.1/24', 'dev', 'orlop0')
    ip('link', 'set', 'orlop0', 'up')
    await talk(port, 'orlop0')
    port.uplink.close()
    await until(() => !ip('link').includes('orlop0'), 'the end of the tap')
  })

  test('a tap that another program has is asked for again', async () => {
    const first = open({ tap: 'orlop1' })
    await until(() => first.links.length > 0, 'the link')
    const second = open({ tap: 'orlop1' })
    await until(() => second.warnings.length > 0, 'a warning')
    assert.match(second.warnings[0] as string, /the tap orlop1 is in use by another program; trying again/)
    first.uplink.close()
    await until(() => second.links.length > 0, 'the link of the second')
    second.uplink.close()
  })

  test('a macvtap carries frames both ways, without any package', async () => {
    ip('link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'wire1')
    ip('link', 'add', 'link', 'wire0', 'name', 'mac0', 'address', OURS, 'type', 'macvtap', 'mode', 'bridge')
    for (const link of ['wire0', 'wire1', 'mac0']) ip('link', 'set', link, 'up')
    ip('addr', 'add', '10.77.0.1/24', 'dev', 'wire1')
    const device = mknodSync('mac0')
    if (device === undefined) return
    const port = open({ macvtap: device.path })
    await until(() => port.links.length > 0, 'the link')
    await talk(port, 'wire1')
    port.uplink.close()
    device.remove()
  })

  test('an interface that is not there is told of once, with what to do', async () => {
    const port = open({ macvtap: 'mac9' })
    await until(() => port.warnings.length > 0, 'a warning')
    assert.match(
      port.warnings[0] as string,
      /^No uplink to the macvtap mac9: there is no interface "mac9"; make it with "ip link/,
    )
    port.uplink.close()
  })
}

test.run()
