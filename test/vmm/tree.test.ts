// The device tree of a guest: dtc reads it without a warning, and it describes the board as QEMU describes its own.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { qemuSystem, requireOracle, requireTool } from '../support/tools.ts'
import { image } from './image.ts'
import { Machine, type Spec } from './machine.ts'

const hasDtc = requireTool('dtc', 'device-tree-compiler')

const FULL: Spec = {
  harts: 2,
  ramBytes: 128 << 20,
  disks: [{ disk: 0 }, { disk: 0, flags: abi.DISK_READ_ONLY }],
  nets: [{ network: 0, mac: [2, 0, 0, 0, 0, 1] }],
  flags: abi.SPEC_FLAG_VIRTIO_CONSOLE,
  commandLine: 'console=ttyS0 quiet',
}

/** The tree of a guest that has been started: as the window holds it, and as the guest's RAM does. */
function treeOf(spec: Spec, initrd?: Uint8Array): { window: Buffer; ram: Buffer; address: number } {
  const machine = new Machine()
  machine.network(0)
  const id = machine.create(spec)
  assert.is(id, 0)
  if (spec.boot !== abi.BOOT_FIRMWARE) assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096)), abi.OK)
  if (initrd !== undefined) assert.is(machine.load(id, abi.LOAD_INITRD, initrd), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  const window = Buffer.from(machine.window.slice())
  const size = window.readUInt32BE(4)
  machine.door.guestReadHart(id, 0)
  const address = Number(new DataView(machine.memory.buffer).getBigUint64(machine.door.window() + 8 * 11, true))
  return { window: window.subarray(0, size), ram: machine.ram(id, address, size), address }
}

/** dtc's reading of a tree, and what it has to say about it. */
function decompile(tree: Buffer): { source: string; warnings: string } {
  const result = spawnSync('dtc', ['-I', 'dtb', '-O', 'dts', '-s'], { input: tree })
  if (result.status !== 0) throw new Error(result.stderr.toString())
  return { source: result.stdout.toString(), warnings: result.stderr.toString() }
}

/** Properties of each node, by its path. */
function nodesOf(source: string): Map<string, Map<string, string>> {
  const nodes = new Map<string, Map<string, string>>()
  const path: string[] = []
  for (const line of source.split('\n').map((text) => text.trim())) {
    const begin = line.match(/^(\S+) \{$/)
    if (begin !== null) {
      path.push(begin[1] === '/' ? '' : (begin[1] as string))
      nodes.set(path.join('/') || '/', new Map())
    } else if (line === '};') {
      path.pop()
    } else if (path.length > 0 && line.endsWith(';')) {
      const [, name, value] = line.match(/^([^ =]+)(?: = (.*))?;$/) as unknown as [string, string, string | undefined]
      nodes.get(path.join('/') || '/')?.set(name, value ?? '')
    }
  }
  return nodes
}

if (hasDtc) {
  for (const boot of [abi.BOOT_DIRECT, abi.BOOT_FIRMWARE]) {
    test(`dtc has nothing to say about the tree of a guest in ${boot === abi.BOOT_DIRECT ? 'direct' : 'firmware'} mode`, () => {
      const { window } = treeOf({ ...FULL, boot })
      assert.is(decompile(window).warnings, '')
    })
  }

  test('the tree names the command line, the RAM disk and the memory', () => {
    const { window, address } = treeOf(FULL, new Uint8Array(10_000))
    const nodes = nodesOf(decompile(window).source)
    const chosen = nodes.get('/chosen')
    const end = 0x8000_0000 + (128 << 20)
    const start = end - 12288
    assert.is(chosen?.get('bootargs'), '"console=ttyS0 quiet"')
    assert.is(chosen?.get('stdout-path'), '"/soc/serial@10000000"')
    assert.is(chosen?.get('linux,initrd-start'), `<0x00 0x${start.toString(16)}>`)
    assert.is(chosen?.get('linux,initrd-end'), `<0x00 0x${(start + 10_000).toString(16)}>`)
    assert.is(nodes.get('/memory@80000000')?.get('reg'), '<0x00 0x80000000 0x00 0x8000000>')
    assert.ok(address < start && address % 8 === 0)
  })

  test('the ISA is told as base, as list and as string, and all say the same', () => {
    const cpu = nodesOf(decompile(treeOf(FULL).window).source).get('/cpus/cpu@1')
    assert.is(cpu?.get('riscv,isa-base'), '"rv64i"')
    const list = (cpu?.get('riscv,isa-extensions') ?? '').split(/\\0|", "/).map((name) => name.replaceAll('"', ''))
    const letters = list.filter((name) => name.length === 1)
    assert.is(letters.join(''), 'imafdc')
    assert.ok(list.includes('zicboz') && list.includes('svvptc'))
    assert.is(cpu?.get('riscv,isa'), `"rv64${[letters.join(''), ...list.slice(letters.length)].join('_')}"`)
    assert.is(cpu?.get('mmu-type'), '"riscv,sv57"')
  })

  test('the tree in guest RAM is the one in the window', () => {
    const { window, ram } = treeOf(FULL)
    assert.equal(ram, window)
  })

  test('the same seed gives the same seeds in the tree, and no seed gives others each time', () => {
    const seeds = (seed: bigint) => {
      const chosen = nodesOf(decompile(treeOf({ seed }).window).source).get('/chosen')
      return `${chosen?.get('rng-seed')} ${chosen?.get('kaslr-seed')}`
    }
    assert.is(seeds(7n), seeds(7n))
    assert.is.not(seeds(7n), seeds(8n))
    assert.is.not(seeds(0n), seeds(0n))
  })

  test('what stands in our tree and in that of QEMU is the same', () => {
    const qemu = requireOracle(qemuSystem)
    if (qemu === undefined) return
    const folder = mkdtempSync(join(tmpdir(), 'orlop-tree-'))
    const file = join(folder, 'virt.dtb')
    const [program, ...args] = qemu
    const board = `virt,aclint=off,dumpdtb=${file}`
    execFileSync(program as string, [...args, '-M', board, '-smp', '2', '-m', '128', '-display', 'none'], {
      stdio: 'ignore',
    })
    const theirs = nodesOf(decompile(readFileSync(file)).source)
    rmSync(folder, { recursive: true })
    const ours = nodesOf(decompile(treeOf({ ...FULL, boot: abi.BOOT_FIRMWARE }).window).source)
    const places = [
      'reg',
      'interrupts',
      'clock-frequency',
      'timebase-frequency',
      '#interrupt-cells',
      'device_type',
      'value',
      'offset',
    ]
    const missing: string[] = []
    for (const [path, properties] of theirs) {
      // What this board has not got: flash, PCI, the firmware configuration device, performance events, CPU topology.
      if (/flash|pci|fw-cfg|pmu|cpu-map|platform-bus/.test(path) || path === '/') continue
      const own = ours.get(path.replace('/plic@', '/interrupt-controller@'))
      if (own === undefined) {
        missing.push(path)
        continue
      }
      if (path === '/chosen') continue
      for (const name of places) {
        const value = properties.get(name)
        // Its PLIC takes more interrupt sources, its UART is as large.
        if (value !== undefined) assert.is(own.get(name), value, `${path} ${name}`)
      }
    }
    assert.equal(missing, unusedTransports(missing))
  })
}

/** QEMU describes all eight transports, we only those with a device behind. */
function unusedTransports(paths: string[]): string[] {
  return paths.filter((path) => path.startsWith('/soc/virtio_mmio@'))
}

test.run()
