// A guest's description lies in the window as hypervisor/abi.ts says, and what does not fit there is refused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MachineError } from '../../host-shim/error.ts'
import { packSpec } from '../../host-shim/guest-spec.ts'
import * as abi from '../../hypervisor/abi.ts'

const window = () => new Uint8Array(abi.WINDOW_SIZE).fill(0xaa)

test('every field lies at its place', () => {
  const bytes = window()
  packSpec(
    {
      ramBytes: 3 * 2 ** 30,
      firmware: true,
      entry: 0x8000_1000,
      tohost: 0x8000_2000,
      commandLine: 'console=ttyS0 ä',
      seed: 0xfedc_ba98_7654_3210n,
      disks: [
        { disk: 4, readOnly: false },
        { disk: 5, readOnly: true },
      ],
      name: 'Web_1.',
      nets: [
        { network: 7, mac: Uint8Array.of(1, 2, 3, 4, 5, 6) },
        { network: 1, mac: new Uint8Array(6), vlan: 5, ip4: 0x0a090014, isolated: true },
        { network: 2, mac: new Uint8Array(6), vlan: 'trunk', trusted: true },
      ],
      virtioConsole: true,
      translator: 'verify',
      heat: 5,
    },
    bytes,
  )
  const view = new DataView(bytes.buffer)
  const u32 = (at: number) => view.getUint32(at, true)
  const u64 = (at: number) => view.getBigUint64(at, true)
  assert.is(u64(abi.SPEC_RAM_BYTES), 3n << 30n)
  assert.is(u32(abi.SPEC_HARTS), 1)
  assert.is(u32(abi.SPEC_BOOT), abi.BOOT_FIRMWARE)
  assert.is(u32(abi.SPEC_DISK_COUNT), 2)
  assert.is(u32(abi.SPEC_NET_COUNT), 3)
  assert.is(u64(abi.SPEC_SEED), 0xfedc_ba98_7654_3210n)
  assert.is(u32(abi.SPEC_FLAGS), abi.SPEC_FLAG_VIRTIO_CONSOLE)
  assert.is(u64(abi.SPEC_ENTRY), 0x8000_1000n)
  assert.is(u64(abi.SPEC_TOHOST), 0x8000_2000n)
  assert.is(u32(abi.SPEC_TRANSLATOR), abi.TRANSLATOR_VERIFY)
  assert.is(u32(abi.SPEC_HEAT), 5)
  assert.equal([u32(abi.SPEC_DISKS), u32(abi.SPEC_DISKS + 4)], [4, 0])
  assert.equal([u32(abi.SPEC_DISKS + 16), u32(abi.SPEC_DISKS + 20)], [5, abi.DISK_READ_ONLY])
  assert.is(u32(abi.SPEC_NETS), 7)
  assert.equal([...bytes.subarray(abi.SPEC_NETS + 6, abi.SPEC_NETS + 12)], [1, 2, 3, 4, 5, 6])
  const nic = (i: number) => {
    const at = abi.SPEC_NETS + i * abi.SPEC_NET_SIZE
    const u16 = (offset: number) => view.getUint16(at + offset, true)
    return [u32(at), u16(abi.SPEC_NET_FLAGS), u16(abi.SPEC_NET_VLAN), u32(at + abi.SPEC_NET_IP4)]
  }
  assert.equal(nic(0), [7, 0, 0, 0])
  assert.equal(nic(1), [1, abi.NIC_ISOLATED, 5, 0x0a090014])
  assert.equal(nic(2), [2, abi.NIC_TRUSTED, abi.NIC_TRUNK, 0])
  // As a host's name may be.
  const name = bytes.subarray(abi.SPEC_NAME, bytes.indexOf(0, abi.SPEC_NAME))
  assert.is(new TextDecoder().decode(name), 'web-1')
  const length = u32(abi.SPEC_CMDLINE_BYTES)
  const text = bytes.subarray(abi.SPEC_CMDLINE, abi.SPEC_CMDLINE + length)
  assert.is(new TextDecoder().decode(text), 'console=ttyS0 ä')
})

test('what is left out is zero, whatever lay there before', () => {
  const bytes = window()
  packSpec({ ramBytes: 4096, seed: 0n }, bytes)
  const view = new DataView(bytes.buffer)
  assert.is(view.getUint32(abi.SPEC_BOOT, true), abi.BOOT_DIRECT)
  assert.is(view.getUint32(abi.SPEC_CMDLINE_BYTES, true), 0)
  assert.ok(bytes.subarray(abi.SPEC_ENTRY, abi.SPEC_CMDLINE + abi.SPEC_CMDLINE_MAX).every((byte) => byte === 0))
})

test('too many disks, ports, or words are refused before anything is written', () => {
  const bytes = window()
  const refuses = (more: object) =>
    assert.throws(
      () => packSpec({ ramBytes: 4096, seed: 0n, ...more }, bytes),
      (error: unknown) => error instanceof MachineError,
    )
  refuses({ disks: Array(9).fill({ disk: 0, readOnly: true }) })
  refuses({ nets: Array(5).fill({ network: 0, mac: new Uint8Array(6) }) })
  refuses({ commandLine: 'x'.repeat(4096) })
  assert.ok(bytes.every((byte) => byte === 0xaa))
})

test.run()
