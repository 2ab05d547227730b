// Disks are files: bytes go where they belong, errors are the guest's to see and the user's to read, once.

import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MachineError } from '../../../host-shim/error.ts'
import { closeDisks, type Disk, makeDisks, openDisks } from '../../../host-shim/node/disk.ts'
import type { Transfer } from '../../../host-shim/node/disk.ts'
import { carryOut } from '../../../host-shim/node/transfers.ts'
import * as abi from '../../../hypervisor/abi.ts'

/** Where the test's segment lists and buffers lie: above 2 GiB, where an address has its highest bit set. */
const HIGH = 0x8000_0000
const memory = new WebAssembly.Memory({ initial: 32768 + 64, maximum: 65536, shared: true })
const bytes = new Uint8Array(memory.buffer)
const view = new DataView(memory.buffer)

const folder = mkdtempSync(join(tmpdir(), 'orlop-disk-'))
const path = join(folder, 'disk.img')
/** More than is zeroed at once. */
const SIZE = 3 << 20
let warnings: string[] = []
let deferred: Transfer[] = []

const fail = (_disk: number, { key, text }: { key: string; text: string }) => warnings.push(`${key}: ${text}`)

function makeIo(...disks: Disk[]) {
  warnings = []
  deferred = []
  return makeDisks(memory, new Map(disks.entries()), { fail, defer: (transfer) => deferred.push(transfer) })
}

async function withDisk(
  readOnly: boolean,
  use: (io: ReturnType<typeof makeDisks>, disk: Disk) => void | Promise<void>,
): Promise<void> {
  writeFileSync(
    path,
    Uint8Array.from({ length: SIZE }, (_, i) => i % 253),
  )
  const disks = openDisks([{ path, readOnly }])
  try {
    await use(makeIo(...disks), disks[0]!)
  } finally {
    closeDisks(disks)
  }
}

/** What the thread for slow work makes of the transfer that was handed to it last. */
const finish = (isAbandoned = () => false) => carryOut(deferred.at(-1) as Transfer, { fail, isAbandoned })

/** A list of segments at HIGH, each [offset from HIGH + 1 MiB, length]; wasm hands over addresses as signed numbers. */
function segments(...parts: [number, number][]): [number, number] {
  for (const [i, [at, length]] of parts.entries()) {
    view.setUint32(HIGH + 8 * i, HIGH + (1 << 20) + at, true)
    view.setUint32(HIGH + 8 * i + 4, length, true)
  }
  return [HIGH | 0, parts.length]
}

const buffer = (at: number, length: number) => bytes.subarray(HIGH + (1 << 20) + at, HIGH + (1 << 20) + at + length)

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof MachineError) return error.message
    throw error
  }
  return assert.unreachable('it was not refused') as never
}

test('several segments are read in order from one place', () =>
  withDisk(false, (io) => {
    buffer(0, 8192).fill(0)
    assert.is(
      io.blockSubmit(0, abi.BLOCK_READ, 512n, 0n, ...segments([0, 100], [4096, 1], [200, 923]), 0),
      abi.BLOCK_DONE,
    )
    const file = readFileSync(path)
    assert.is(Buffer.compare(buffer(0, 100), file.subarray(512, 612)), 0)
    assert.is(buffer(4096, 1)[0], file[612])
    assert.is(Buffer.compare(buffer(200, 923), file.subarray(613, 1536)), 0)
  }))

test('several segments are written in order to one place, and a flush is handed on', () =>
  withDisk(false, async (io) => {
    buffer(0, 512).fill(1)
    buffer(512, 512).fill(2)
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE, 4096n, 0n, ...segments([512, 512], [0, 512]), 0), abi.BLOCK_DONE)
    assert.is(io.blockSubmit(0, abi.BLOCK_FLUSH, 0n, 0n, 0, 0, -7), abi.BLOCK_PENDING)
    assert.is(deferred[0]?.tag, -7 >>> 0)
    assert.is(await finish(), abi.OK)
    const file = readFileSync(path)
    assert.ok(file.subarray(4096, 4608).every((byte) => byte === 2))
    assert.ok(file.subarray(4608, 5120).every((byte) => byte === 1))
    assert.is(file[4095], 4095 % 253)
    assert.is(file[5120], 5120 % 253)
    assert.is(file.length, SIZE)
  }))

test('more segments than the host takes in one call are no matter', () =>
  withDisk(false, (io) => {
    const parts = Array.from({ length: 2048 }, (_, i): [number, number] => [i * 16, 16])
    assert.is(io.blockSubmit(0, abi.BLOCK_READ, 0n, 0n, ...segments(...parts), 0), abi.BLOCK_DONE)
    assert.is(Buffer.compare(buffer(0, 32768), readFileSync(path).subarray(0, 32768)), 0)
  }))

test('a few zeroes are written at once, and a discard leaves the file as it is', () =>
  withDisk(false, (io) => {
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 512n, 1n << 20n, 0, 0, 0), abi.BLOCK_DONE)
    const file = readFileSync(path)
    assert.ok(file.subarray(512, 512 + (1 << 20)).every((byte) => byte === 0))
    assert.is(file[511], 511 % 253)
    assert.is(file[512 + (1 << 20)], (512 + (1 << 20)) % 253)
    assert.is(io.blockSubmit(0, abi.BLOCK_DISCARD, 0n, BigInt(SIZE), 0, 0, 0), abi.BLOCK_DONE)
    assert.is(readFileSync(path)[511], 511 % 253)
    assert.is(deferred.length, 0)
  }))

test('many zeroes are handed on, and written in the end', () =>
  withDisk(false, async (io) => {
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 512n, BigInt(SIZE - 1024), 0, 0, 0), abi.BLOCK_PENDING)
    assert.is(await finish(), abi.OK)
    const file = readFileSync(path)
    assert.ok(file.subarray(512, SIZE - 512).every((byte) => byte === 0))
    assert.is(file[511], 511 % 253)
    assert.is(file[SIZE - 512], (SIZE - 512) % 253)
    assert.is(file.length, SIZE)
  }))

test('nobody waits for zeroes of a guest that is gone', () =>
  withDisk(false, async (io) => {
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 0n, BigInt(SIZE), 0, 0, 0), abi.BLOCK_PENDING)
    let looks = 0
    assert.is(await finish(() => looks++ > 0), abi.E_IO)
    const file = readFileSync(path)
    assert.is(file[(1 << 20) - 1], 0)
    assert.is(file[1 << 20], (1 << 20) % 253)
  }))

test('nothing outside of the disk can be reached', () =>
  withDisk(false, (io) => {
    const part = segments([0, 512])
    for (const start of [BigInt(SIZE), BigInt(SIZE) - 1n, 1n << 40n, -512n, (1n << 63n) - 1n]) {
      assert.is(io.blockSubmit(0, abi.BLOCK_READ, start, 0n, ...part, 0), abi.E_IO)
      assert.is(io.blockSubmit(0, abi.BLOCK_WRITE, start, 0n, ...part, 0), abi.E_IO)
      assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, start, 512n, 0, 0, 0), abi.E_IO)
    }
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 0n, -1n, 0, 0, 0), abi.E_IO)
    assert.is(readFileSync(path).length, SIZE)
    assert.is(io.blockSubmit(1, abi.BLOCK_READ, 0n, 0n, ...part, 0), abi.E_BAD_ID)
  }))

test('a read-only disk says so and cannot be written', () =>
  withDisk(true, (io) => {
    assert.is(io.blockInfo(0, HIGH | 0), abi.OK)
    assert.is(view.getBigUint64(HIGH, true), BigInt(SIZE))
    assert.is(view.getUint32(HIGH + 8, true), abi.DISK_READ_ONLY)
    const before = readFileSync(path)
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE, 0n, 0n, ...segments([0, 512]), 0), abi.E_IO)
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 0n, 512n, 0, 0, 0), abi.E_IO)
    assert.is(io.blockSubmit(0, abi.BLOCK_FLUSH, 0n, 0n, 0, 0, 0), abi.BLOCK_DONE)
    assert.is(Buffer.compare(readFileSync(path), before), 0)
    assert.is(io.blockInfo(1, HIGH | 0), abi.E_BAD_ID)
  }))

test('a file that has become shorter gives I/O errors, not other bytes', () =>
  withDisk(false, (io) => {
    truncateSync(path, 4096)
    assert.is(io.blockSubmit(0, abi.BLOCK_READ, 8192n, 0n, ...segments([0, 512]), 0), abi.E_IO)
    assert.is(io.blockSubmit(0, abi.BLOCK_READ, 3584n, 0n, ...segments([0, 1024]), 0), abi.E_IO)
  }))

test('a failing disk is an I/O error for the guest, and told to the user under one key', async () => {
  // Writes to /dev/full fail as on a full file system.
  const full: Disk = {
    name: 'The disk full.img',
    path: '/dev/full',
    fd: openSync('/dev/full', 'r+'),
    sizeBytes: SIZE,
    identity: '',
    readOnly: false,
  }
  const io = makeIo(full)
  for (let i = 0; i < 3; i++) {
    assert.is(io.blockSubmit(0, abi.BLOCK_WRITE, 0n, 0n, ...segments([0, 512]), 0), abi.E_IO)
  }
  assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 0n, 512n, 0, 0, 0), abi.E_IO)
  assert.is(io.blockSubmit(0, abi.BLOCK_WRITE_ZEROES, 0n, BigInt(SIZE), 0, 0, 0), abi.BLOCK_PENDING)
  assert.is(await finish(), abi.E_IO)
  closeDisks([full])
  assert.is(warnings.length, 5)
  for (const warning of warnings) {
    assert.match(warning, /^The disk full\.img\0ENOSPC: The disk full\.img has failed: .*ENOSPC.* Make room/)
  }
})

test('what is no disk is refused with a sentence that names it', () => {
  const refuse = (name: string) => refusal(() => openDisks([{ path: join(folder, name) }]))
  mkdirSync(join(folder, 'folder'))
  writeFileSync(join(folder, 'odd'), 'x'.repeat(513))
  writeFileSync(join(folder, 'empty'), '')
  assert.match(refuse('missing'), /missing does not exist; "truncate/)
  assert.match(refuse('folder'), /is a folder/)
  assert.match(refuse('odd'), /odd has 513 bytes, but a disk has a multiple of 512/)
  assert.match(refuse('empty'), /empty has 0 bytes/)
  assert.match(
    refusal(() => openDisks([{ path: '/dev/null' }])),
    /is not a regular file/,
  )
})

test('one file is not written by two disks', () => {
  const link = join(folder, 'link')
  symlinkSync(path, link)
  const both = (first: boolean, second: boolean) => () =>
    closeDisks(
      openDisks([
        { path, readOnly: first },
        { path: link, readOnly: second },
      ]),
    )
  assert.match(refusal(both(false, false)), /given twice/)
  assert.match(refusal(both(true, false)), /given twice/)
  both(true, true)()
})

test('a disk of one guest is not written by another', () => {
  const mine = openDisks([{ path, readOnly: true }])
  const other = (readOnly: boolean) => () => closeDisks(openDisks([{ path, readOnly }], mine))
  assert.match(refusal(other(false)), /belongs to another guest/)
  other(true)()
  closeDisks(mine)
})

test.after(() => rmSync(folder, { recursive: true }))
test.run()
