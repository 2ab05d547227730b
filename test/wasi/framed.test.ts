// The management stream of the image: what it answers, and that both ends of it take leave with one sentence of what is none of it.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { packNetwork, readNetworkReport } from '../../host-shim/networks.ts'
import * as stream from '../../host-shim/stream.ts'
import { call, Driver, frame } from './driver.ts'
import { endOfMachineUnder, imageThatSays } from './speaker.ts'
import { startImage } from './runtime.ts'

const SENTENCE = /^The management stream is broken: [^\n]*\.\n$/

/** Sends this after the machine has been booted, or at once, and expects one sentence and exit code 1. */
async function refuses(bytes: Uint8Array, why: RegExp, isBooted = true): Promise<void> {
  const driver = new Driver()
  if (isBooted) assert.is((await driver.call(stream.CALL_BOOT)).value, abi.OK)
  driver.write(bytes)
  await endsWith(driver, why)
}

async function endsWith(driver: Driver, why: RegExp): Promise<void> {
  assert.equal(await driver.ended, { exitCode: 1, signal: null })
  assert.match(driver.errors, SENTENCE)
  assert.match(driver.errors, why)
}

/** A machine with a network that has channel STREAM_UPLINKS for its uplink. */
async function withUplink(): Promise<Driver> {
  const spec = new Uint8Array(abi.NETWORK_SIZE)
  packNetwork({ uplink: 0 }, spec)
  const driver = new Driver()
  assert.is((await driver.call(stream.CALL_BOOT)).value, abi.OK)
  assert.is((await driver.call(stream.CALL_OPEN, [stream.STREAM_UPLINKS, 65536])).value, abi.OK)
  assert.is((await driver.call(stream.CALL_NETWORK_DEFINE, [0], 0, spec)).value, abi.OK)
  return driver
}

/** A frame of Ethernet for everybody behind its length, as uplinks carry it; or its length alone. */
function ethernet(length: number, isThere = true): Buffer {
  const bytes = Buffer.alloc(isThere ? 4 + length : 4)
  bytes.writeUInt32BE(length)
  if (isThere) Buffer.from('ffffffffffff02000000000188b5', 'hex').copy(bytes, 4)
  return bytes
}

/** The next frame that says that there is room on a channel: how many bytes. */
async function roomOf(driver: Driver, channel: number): Promise<number> {
  for (;;) {
    const next = await driver.next()
    if (next.kind === stream.STREAM_ROOM && next.channel === channel) return next.payload.readUInt32LE(0)
  }
}

test('the image tells its versions first, and ends when nobody drives it any more', async () => {
  const driver = new Driver()
  const { kind, payload } = await driver.next()
  assert.is(kind, stream.STREAM_HELLO)
  assert.equal([payload.readUInt32LE(0), payload.readUInt32LE(4)], [stream.STREAM_VERSION, abi.ABI_VERSION])
  driver.close()
  assert.equal(await driver.ended, { exitCode: 0, signal: null })
  assert.is(driver.errors, '')
})

test('calls are answered one after another, with as much of the window as is wanted', async () => {
  const driver = new Driver()
  assert.is((await driver.call(stream.CALL_BOOT)).value, abi.OK)
  const { value, window } = await driver.call(stream.CALL_MACHINE_STATS, [], 8 * abi.MACHINE_STAT_COUNT)
  assert.is(value, abi.OK)
  const frames = Number(window.readBigUInt64LE(8 * abi.MACHINE_STAT_FRAMES))
  assert.ok(frames * 4096 >= 64 << 20, `${frames} frames for 64 MiB`)
  driver.close()
  await driver.ended
})

test('what the door refuses is answered with its code, and the machine goes on', async () => {
  const driver = new Driver()
  assert.is((await driver.call(stream.CALL_BOOT)).value, abi.OK)
  assert.is((await driver.call(stream.CALL_BOOT)).value, abi.E_BAD_ARG)
  assert.is((await driver.call(stream.CALL_GUEST_START, [7])).value, abi.E_BAD_ID)
  assert.is((await driver.call(stream.CALL_GUEST_START, [-1])).value, abi.E_BAD_ID)
  assert.is((await driver.call(stream.CALL_GUEST_STATS, [Number.NaN])).value, abi.E_BAD_ID)
  assert.is((await driver.call(9999)).value, abi.E_BAD_ARG)
  assert.is((await driver.call(stream.CALL_DISK_ATTACH, [0, 0, 0, 5])).value, stream.CALL_DISK_FAILED - 8)
  assert.is((await driver.call(stream.CALL_DISK_ATTACH, [0, 0, 0, 2 ** 31])).value, abi.E_BAD_ARG)
  assert.is((await driver.call(stream.CALL_DISK_DETACH, [0])).value, abi.E_BAD_ARG)
  assert.is((await driver.call(stream.CALL_OPEN, [stream.STREAM_CHANNELS, 1])).value, abi.E_BAD_ARG)
  assert.is((await driver.call(stream.CALL_OPEN, [stream.STREAM_CHANNELS - 1, 1])).value, abi.OK)
  driver.close()
  assert.equal(await driver.ended, { exitCode: 0, signal: null })
})

test('a call comes in whatever pieces it likes', async () => {
  const driver = new Driver()
  const whole = frame(stream.STREAM_CALL, 0, call(stream.CALL_BOOT))
  for (const byte of whole) {
    driver.write(Uint8Array.of(byte))
    await new Promise((fulfil) => setImmediate(fulfil))
  }
  assert.is((await driver.next()).kind, stream.STREAM_HELLO)
  const { kind, payload } = await driver.next()
  assert.is(kind, stream.STREAM_RETURN)
  assert.is(payload.readDoubleLE(0), abi.OK)
  driver.close()
  await driver.ended
})

test('when the input ends in the middle of a frame the image does nothing of it, and ends in order', async () => {
  const whole = frame(stream.STREAM_CALL, 0, call(9999))
  for (const length of [1, stream.STREAM_HEAD, whole.length - 1]) {
    const driver = new Driver()
    assert.is((await driver.call(stream.CALL_BOOT)).value, abi.OK)
    driver.write(whole.subarray(0, length))
    driver.close()
    assert.equal(await driver.ended, { exitCode: 0, signal: null })
    assert.is(driver.errors, '')
    assert.is(await driver.next().catch((error: Error) => error.message), 'The image has ended: ')
  }
})

test('an image without memory for a machine says how much it has, and who starts a larger one', async () => {
  const image = startImage(undefined, { args: ['--port=framed'] })
  assert.is(await image.end(), 1)
  assert.match(image.errors, /^The image has \d+ MiB of memory, too little for [^\n]*"orlop up --runtime"[^\n]*\.\n$/)
  assert.is(image.heard, '')
})

test('a machine that has not been booted takes no other call, and nothing of channels', async () => {
  const early = [
    frame(stream.STREAM_CALL, 0, call(stream.CALL_MACHINE_STATS)),
    frame(stream.STREAM_DATA, 0, new Uint8Array(1)),
    frame(stream.STREAM_ROOM, 0, Uint8Array.of(1, 0, 0, 0)),
  ]
  for (const bytes of early) await refuses(bytes, /not been booted/, false)
})

test('a call that is too short is refused', () =>
  refuses(frame(stream.STREAM_CALL, 0, new Uint8Array(stream.CALL_HEAD - 1)), /too short/))

test('a call that wants more than the window is refused', () =>
  refuses(frame(stream.STREAM_CALL, 0, call(stream.CALL_MACHINE_STATS, [], abi.WINDOW_SIZE + 1)), /window/))

test('a frame that is longer than any can be is refused before it is there', () =>
  refuses(Uint8Array.of(0xff, 0xff, 0xff, 0xff, stream.STREAM_DATA, 0, 0, 0), /longer/))

test('a frame of an unknown kind, or for an unknown channel, is refused', async () => {
  await refuses(frame(77, 0, new Uint8Array(1)), /unknown kind/)
  await refuses(frame(stream.STREAM_DATA, stream.STREAM_CHANNELS, new Uint8Array(1)), /no channel/)
  await refuses(frame(stream.STREAM_ROOM, stream.STREAM_CHANNELS, new Uint8Array(4)), /no channel/)
})

test('room that is told in other than four bytes is refused', async () => {
  await refuses(frame(stream.STREAM_ROOM, 0, new Uint8Array(3)), /not told in 4 bytes/)
  await refuses(frame(stream.STREAM_ROOM, 0, new Uint8Array(5)), /not told in 4 bytes/)
})

test('a channel has as much room as a number can say, and no more', async () => {
  const driver = new Driver()
  const room = (bytes: number) => {
    const payload = Buffer.alloc(4)
    payload.writeUInt32LE(bytes)
    driver.send(stream.STREAM_ROOM, stream.STREAM_UPLINKS, payload)
  }
  assert.is((await driver.call(stream.CALL_BOOT)).value, abi.OK)
  assert.is((await driver.call(stream.CALL_OPEN, [stream.STREAM_UPLINKS, 7])).value, abi.OK)
  room(2 ** 32 - 1 - 7)
  room(0)
  assert.is((await driver.call(stream.CALL_MACHINE_STATS)).value, abi.OK)
  room(1)
  await endsWith(driver, /more room than 4294967295 bytes/)
})

test('a frame of Ethernet that no network carries is left out, and the next one passes', async () => {
  const driver = await withUplink()
  driver.send(stream.STREAM_DATA, stream.STREAM_UPLINKS, Buffer.concat([ethernet(100_000), ethernet(60)]))
  assert.is(await roomOf(driver, stream.STREAM_UPLINKS), 4 + 100_000)
  assert.is(await roomOf(driver, stream.STREAM_UPLINKS), 4 + 60)
  let frames = 0
  while (frames === 0) {
    const { window } = await driver.call(stream.CALL_NETWORK_REPORT, [0], abi.NETREPORT_PORTS + 2 * abi.NETPORT_SIZE)
    frames = readNetworkReport(window).ports.find(({ owner }) => owner === 'uplink')?.inFrames ?? 0
  }
  assert.is(frames, 1)
  driver.close()
  assert.equal(await driver.ended, { exitCode: 0, signal: null })
})

test('a frame of Ethernet that an uplink has no room for is refused before it is there', async () => {
  const driver = await withUplink()
  driver.send(stream.STREAM_DATA, stream.STREAM_UPLINKS, ethernet(stream.STREAM_UPLINK_ROOM - 4 + 1, false))
  await endsWith(driver, /Ethernet is too long/)
})

test('a host refuses an image of another version of the stream or of the ABI in one sentence', async () => {
  const versions = [
    [stream.STREAM_VERSION + 1, abi.ABI_VERSION],
    [stream.STREAM_VERSION, abi.ABI_VERSION + 1],
    // Later ones may have more to say.
    [stream.STREAM_VERSION + 1, abi.ABI_VERSION, 1],
  ]
  for (const words of versions) {
    const error = await endOfMachineUnder(await imageThatSays(stream.STREAM_HELLO, words))
    assert.match(error.message, /^The image is of another version of Orlop; run "npm run build"[^\n]*\.$/)
  }
})

test('a host refuses an image that does not begin with its versions in one sentence', async () => {
  const sentence = 'The machine has sent what is no frame of the management stream.'
  const others = [await imageThatSays(stream.STREAM_HELLO, [1]), await imageThatSays(stream.STREAM_RETURN, [0, 0])]
  for (const image of others) assert.is((await endOfMachineUnder(image)).message, sentence)
})

test('a console that gets more than it has room for is refused', () =>
  refuses(frame(stream.STREAM_DATA, 3, new Uint8Array(stream.STREAM_CONSOLE_ROOM + 1)), /room/))

test('whatever comes, the image ends in order or with one sentence', async () => {
  const kinds = fc.oneof(fc.constantFrom(1, 2, 3, 4, 5, 6), fc.nat(65535))
  const channels = fc.oneof(fc.nat(stream.STREAM_CHANNELS), fc.nat(65535))
  const numbers = fc.oneof(fc.nat(40), fc.integer(), fc.double())
  const calls = fc
    .tuple(fc.nat(40), fc.array(numbers, { maxLength: stream.CALL_ARGUMENTS }), fc.nat(4096), fc.uint8Array())
    .map(([fn, args, wanted, window]) => frame(stream.STREAM_CALL, 0, call(fn, args, wanted, window)))
  const frames = fc.tuple(kinds, channels, fc.uint8Array()).map(([kind, channel, bytes]) => frame(kind, channel, bytes))
  const input = fc.array(fc.oneof({ weight: 4, arbitrary: calls }, frames, fc.uint8Array()), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(input, fc.boolean(), async (parts, isBooted) => {
      const driver = new Driver()
      if (isBooted) await driver.call(stream.CALL_BOOT)
      driver.write(Buffer.concat(parts))
      driver.close()
      const { exitCode, signal } = await driver.ended
      assert.is(signal, null, driver.errors)
      if (exitCode === 0) assert.is(driver.errors, '')
      else {
        assert.is(exitCode, 1)
        assert.match(driver.errors, SENTENCE)
      }
    }),
    { numRuns: 40 },
  )
})

test.run()
