// `orlop bundle` and what it writes, under node:wasi: machines that boot from a folder or from one file, and what is said of
// folders that are damaged, or that cannot be written.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as numbers from '../../host-shim/bundle.ts'
import { ORLOP, orlop, talker, tohost } from '../cli/orlop.ts'
import { mounted } from './mounts.ts'
import { commandFor, IMAGE, type ImageOptions, startImage } from './runtime.ts'

const SENTENCE = /^[A-Z"][^\n]*\.\n$/

const FIRMWARES = { talker: talker().elf, passes: tohost(1).elf, fails: tohost(7).elf }

/** A folder with firmwares, an empty disk and a fleet of this text, which goes when `work` is done. */
async function withFleet(text: string, work: (folder: string, machine: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-bundle-'))
  try {
    for (const [name, elf] of Object.entries(FIRMWARES)) writeFileSync(join(folder, name), readFileSync(elf))
    writeFileSync(join(folder, 'disk'), Buffer.alloc(65536))
    writeFileSync(join(folder, 'fleet.yaml'), text)
    await work(folder, join(folder, 'machine'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function bundle(folder: string, output: string, ...flags: string[]) {
  return orlop(['bundle', '-o', output, ...flags, join(folder, 'fleet.yaml')])
}

/** Bundles, which must go well. */
function mustBundle(folder: string, output: string, ...flags: string[]): string {
  const { status, stdout, stderr } = bundle(folder, output, ...flags)
  assert.is(status, 0, stderr)
  return stdout
}

async function ending(machine: string | undefined, options: ImageOptions = {}) {
  const talk = startImage(machine, options)
  const exitCode = await talk.end()
  return { exitCode, errors: talk.errors.replace(/^Ctrl-\].*\n(Keys come.*\n)?/, ''), heard: talk.heard }
}

/** What a machine that cannot be booted says. */
async function refused(machine: string, options?: ImageOptions): Promise<string> {
  const { exitCode, errors } = await ending(machine, options)
  assert.is(exitCode, 1, errors)
  assert.match(errors, SENTENCE)
  return errors
}

const TWO = `
guests:
  one: { firmware: talker, memory: 16M }
  two: { firmware: talker, memory: 16M, on_poweroff: stop }
`
const ONE = 'guests: { one: { firmware: talker, memory: 16M } }'
const DISK = 'guests: { one: { firmware: talker, memory: 16M, disks: [disk] } }'
const ENDS = 'guests: { one: { firmware: passes, memory: 16M, disks: [disk] } }'

test('a bundled fleet boots, and Ctrl-] gives the terminal to the next guest', () =>
  withFleet(TWO, async (folder, machine) => {
    mustBundle(folder, machine)
    await startImage(machine).hold(async (talk) => {
      await talk.hear(/ready/)
      talk.type('a')
      await talk.hear(/\[a\]/)
      talk.type('\x1d\n')
      // What it has said before it had the terminal.
      await talk.hear(/ready/)
      talk.type('d')
      await talk.hear(/\[d\]/)
      talk.type('\x1d\nc')
      await talk.hear(/\[c\]/)
      talk.type('\x1dq')
      assert.is(await talk.end(), 0)
      assert.match(talk.errors, /This is guest 1, two\.\nThis is guest 0, one\.\n/)
    })
  }))

test('one embedded file boots without any folder', () =>
  withFleet(TWO, async (folder) => {
    const image = join(folder, 'machine.wasm')
    mustBundle(folder, image, '--embed')
    assert.not(existsSync(join(folder, 'machine.disks')))
    await startImage(undefined, { image }).hold(async (talk) => {
      await talk.hear(/ready/)
      talk.type('a')
      await talk.hear(/\[a\]/)
      talk.type('\x1d\n')
      await talk.hear(/ready/)
      talk.type('\x1dq')
      assert.is(await talk.end(), 0)
    })
  }))

test('disks that guests write stay beside the embedded file, and those that they only read are in it', () =>
  withFleet('guests: { one: { firmware: passes, memory: 16M, disks: [disk, "fleet.img,ro"] } }', async (folder) => {
    writeFileSync(join(folder, 'fleet.img'), Buffer.alloc(4096, 7))
    const image = join(folder, 'machine.wasm')
    const { status, stdout } = bundle(folder, image, '--embed')
    assert.is(status, 0)
    const disks = join(folder, 'machine.disks')
    assert.match(stdout, `--dir=${disks}::/`)
    assert.equal(readdirSync(disks), ['0.disk-0'])
    assert.ok(readFileSync(image).includes(Buffer.alloc(4096, 7)))
    assert.equal(await ending(disks, { image }), { exitCode: 0, errors: '', heard: '' })
    const errors = await refused('', { image })
    assert.is(
      errors,
      'The file 0.disk-0 of the boot folder is needed; give the runtime its folder as /, as in --dir=FOLDER::/.\n',
    )
  }))

test('a guest that asks for a reset begins anew', () =>
  withFleet(DISK, async (folder, machine) => {
    mustBundle(folder, machine)
    await startImage(machine).hold(async (talk) => {
      await talk.hear(/ready/)
      talk.type('r')
      await talk.hear(/ready/)
      talk.type('a')
      await talk.hear(/\[a\]/)
      talk.type('q')
      assert.is(await talk.end(), 0)
    })
  }))

test('the program tells in words how guests have failed, and ends with 1', () =>
  withFleet('guests: { one: { firmware: fails, memory: 16M } }', async (folder, machine) => {
    mustBundle(folder, machine)
    assert.equal(await ending(machine), { exitCode: 1, errors: 'The guest one has failed its test 3.\n', heard: '' })
  }))

test('settings go with their guests, and the program says which it cannot keep', () =>
  withFleet(
    'guests: { one: { firmware: passes, memory: 16M, reservation: 60 }, two: { firmware: passes, memory: 16M, reservation: 60 } }',
    async (folder, machine) => {
      mustBundle(folder, machine)
      assert.match(
        await refused(machine),
        /^The file 1\.guest .* has a setting that cannot be kept on this machine\.\n$/,
      )
    },
  ))

test('what a bundle cannot have of the fleet is told', () =>
  withFleet(
    `networks: { lan: {}, quiet: { mode: isolated } }
guests:
  one: { firmware: passes, memory: 16M, networks: [lan, quiet] }
  spare: { firmware: passes, memory: 16M, autostart: false }
publish: ["8080:one:80"]`,
    async (folder, machine) => {
      const { status, stdout } = bundle(folder, machine, '--json')
      assert.is(status, 0)
      assert.equal(JSON.parse(stdout), {
        image: join(machine, 'orlop.wasm'),
        folder: machine,
        guests: ['one'],
        warnings: [
          '"spare" does not start with the machine, so it is left out.',
          '"lan" leads nowhere in the bundle (uplink user); its guests reach each other.',
          'The port 8080:one:80 is not published by the bundle.',
        ],
      })
      assert.equal(await ending(machine), { exitCode: 0, errors: '', heard: '' })
    },
  ))

test('a folder can be moved, and nothing in it names where it was made', () =>
  withFleet(ENDS, async (folder, machine) => {
    mustBundle(folder, machine)
    for (const name of readdirSync(machine)) assert.not(readFileSync(join(machine, name)).includes(folder), name)
    renameSync(machine, join(folder, 'elsewhere'))
    for (const name of ['talker', 'passes', 'fails', 'disk']) rmSync(join(folder, name))
    assert.is((await ending(join(folder, 'elsewhere'))).exitCode, 0)
  }))

test('the program has help and versions, and ends with 2 for words that it does not know', async () => {
  for (const word of ['-h', '--help']) {
    const { exitCode, heard, errors } = await ending(undefined, { args: [word] })
    assert.equal([exitCode, errors], [0, ''])
    assert.match(heard, /--dir=FOLDER::\/ FOLDER\/orlop\.wasm\n/)
  }
  const version = await ending(undefined, { args: ['--version'] })
  assert.match(
    version.heard,
    new RegExp(`^Orlop for WASI, ABI \\d+, boot folders of version ${numbers.BUNDLE_VERSION}\n$`),
  )
  const unknown = await ending(undefined, { args: ['--nonsense'] })
  assert.equal(unknown, {
    exitCode: 2,
    heard: '',
    errors: '"--nonsense" is no argument; --help lists those that there are.\n',
  })
})

test('a file of the folder that is missing, empty, of an odd size or no file is named', () =>
  withFleet(ENDS, async (folder, machine) => {
    const cases: [name: string, change: (path: string) => void, says: RegExp][] = [
      ['0.disk-0', (path) => rmSync(path), / is missing; make the folder anew\.\n$/],
      ['0.disk-0', (path) => truncateSync(path, 513), / is no disk: it must have a multiple of 512 bytes\.\n$/],
      ['0.disk-0', (path) => truncateSync(path, 0), / is no disk: /],
      ['0.image-0', (path) => rmSync(path), / is missing; /],
      ['0.image-0', (path) => truncateSync(path, 0), / is empty or no file\.\n$/],
      [
        '0.image-0',
        (path) => {
          rmSync(path)
          mkdirSync(path)
        },
        / (is empty or no file|cannot be read \(WASI error \d+\))\.\n$/,
      ],
      [
        '0.guest',
        (path) => truncateSync(path, 50),
        /^The file 0\.guest of the boot folder is no guest of a boot folder\.\n$/,
      ],
      ['0.guest', (path) => rmSync(path), /^The boot folder has no 0\.guest that can be read; /],
    ]
    for (const [name, change, says] of cases) {
      rmSync(machine, { recursive: true, force: true })
      mustBundle(folder, machine)
      change(join(machine, name))
      assert.match(await refused(machine), says)
    }
  }))

test('a guest file of another version, cut short, or with nonsense in its head is refused with one sentence', () =>
  withFleet(ENDS, async (folder, machine) => {
    mustBundle(folder, machine)
    const path = join(machine, '0.guest')
    const whole = readFileSync(path)
    for (const field of [numbers.BUNDLE_VERSION_AT, numbers.BUNDLE_ABI]) {
      const other = Buffer.from(whole)
      other.writeUInt32LE(77, field)
      writeFileSync(path, other)
      assert.match(await refused(machine), /is of another version of Orlop; make the folder anew\.\n$/)
    }
    const lengths = [0, 1, numbers.BUNDLE_HEAD, numbers.BUNDLE_HEAD + 300, numbers.BUNDLE_HEAD + 600, whole.length - 1]
    for (const length of lengths) {
      writeFileSync(path, whole.subarray(0, length))
      await refused(machine)
    }
    const fields = [
      ...[numbers.BUNDLE_MAGIC, numbers.BUNDLE_GUEST, numbers.BUNDLE_GUESTS, numbers.BUNDLE_FILES],
      ...[numbers.BUNDLE_SPEC_BYTES, numbers.BUNDLE_SETTINGS],
      ...[numbers.BUNDLE_FILE_KIND, numbers.BUNDLE_FILE_PATH_BYTES].map((at) => numbers.BUNDLE_HEAD + at),
    ]
    for (const field of fields) {
      for (const value of [77, 0xffff_ffff]) {
        const other = Buffer.from(whole)
        other.writeUInt32LE(value, field)
        writeFileSync(path, other)
        await refused(machine)
      }
    }
  }))

test('a guest that is larger than the runtime has memory for is refused when it is bundled', () =>
  withFleet(
    'guests: { a: { firmware: passes, memory: 2G }, b: { firmware: passes, memory: 2G } }',
    (folder, machine) => {
      const { status, stderr } = bundle(folder, machine)
      assert.is(status, 2)
      assert.match(
        stderr,
        /^orlop: A machine of \d+ pages is larger than the image can be; give its guests less memory\.\n$/,
      )
    },
  ))

test('a folder with files of somebody else is refused, and they stay as they are', () =>
  withFleet(ONE, (folder, machine) => {
    mkdirSync(machine)
    writeFileSync(join(machine, 'letters.txt'), 'dear')
    const { status, stderr } = bundle(folder, machine)
    assert.is(status, 2)
    assert.match(stderr, /has "letters\.txt", which is no file of a bundle; take an empty folder\.\n$/)
    assert.equal(readdirSync(machine), ['letters.txt'])
    const file = bundle(folder, join(machine, 'letters.txt'))
    assert.is(file.status, 2)
    assert.match(file.stderr, /is, or lies below, a file; take another folder\.\n$/)
    writeFileSync(join(folder, 'own.wasm'), 'a text')
    const embedded = bundle(folder, join(folder, 'own.wasm'), '--embed')
    assert.is(embedded.status, 2)
    assert.match(embedded.stderr, /is there already and is no image; take another name\.\n$/)
    assert.is(readFileSync(join(folder, 'own.wasm'), 'utf8'), 'a text')
  }))

test('a bundle replaces an earlier one with all its files, but its disks only by force', () =>
  withFleet(TWO, (folder, machine) => {
    mustBundle(folder, machine)
    writeFileSync(join(folder, 'fleet.yaml'), DISK)
    mustBundle(folder, machine)
    const names = ['0.disk-0', '0.guest', '0.image-0', 'orlop.wasm']
    assert.equal(readdirSync(machine).sort(), names)
    writeFileSync(join(machine, '0.disk-0'), 'precious')
    const { status, stderr } = bundle(folder, machine)
    assert.is(status, 2)
    assert.match(stderr, /has the disk 0\.disk-0 of an earlier bundle, .* say --force to lose it\.\n$/)
    assert.is(readFileSync(join(machine, '0.disk-0'), 'utf8'), 'precious')
    assert.equal(readdirSync(machine).sort(), names)
    mustBundle(folder, machine, '--force')
    assert.is(readFileSync(join(machine, '0.disk-0')).length, 65536)
  }))

test('a disk of the folder itself is no disk for what is written there', () =>
  withFleet(ENDS, (folder, machine) => {
    mustBundle(folder, machine)
    writeFileSync(join(folder, 'fleet.yaml'), ENDS.replace('[disk]', '[machine/0.disk-0]'))
    const { status, stderr } = bundle(folder, machine, '--force')
    assert.is(status, 2)
    assert.match(stderr, /lies in .*machine\/ itself, which is to be written; take another folder\.\n$/)
    assert.ok(existsSync(join(machine, '0.disk-0')))
  }))

test('one file by two names is no disk for two writers', () =>
  withFleet(
    'guests: { one: { firmware: passes, memory: 16M, disks: [disk] }, two: { firmware: passes, memory: 16M, disks: [./x/../disk] } }',
    (folder, machine) => {
      mkdirSync(join(folder, 'x'))
      const { status, stderr } = bundle(folder, machine)
      assert.is(status, 2)
      assert.match(stderr, /cannot .*have .*disk.*\.\n$/)
      assert.not(existsSync(machine))
    },
  ))

test('words of "orlop bundle" that make no sense are told', () =>
  withFleet(ONE, (folder, machine) => {
    const fleet = join(folder, 'fleet.yaml')
    const cases: [string[], RegExp][] = [
      [[], /Give a fleet file/],
      [[fleet], /Say where to: "orlop bundle -o FOLDER …"\./],
      [['--embed', '-o', machine, fleet], /An image's name ends with \.wasm/],
      [['-o', machine, fleet, fleet], /Give one fleet file/],
      [['-o', machine, '--image', fleet, fleet], /This is no image for WASI runtimes/],
      [['-o', machine, '--image', join(folder, 'none'), fleet], /--image: .* cannot be read/],
      [['-o', machine, join(folder, 'none')], /none/],
    ]
    for (const [words, says] of cases) {
      const { status, stderr } = orlop(['bundle', ...words])
      assert.is(status, 2, stderr)
      assert.match(stderr, says)
      assert.not(existsSync(machine))
    }
    assert.match(mustBundle(folder, machine, '--image', IMAGE), /1 guest/)
  }))

test('a full disk and a read-only folder are told, and leave nothing half-written', () =>
  withFleet(DISK, (folder) => {
    const place = join(folder, 'small')
    mkdirSync(place)
    writeFileSync(join(folder, 'disk'), Buffer.alloc(2 ** 20, 7))
    const command = [process.execPath, ORLOP, 'bundle', '-o', join(place, 'machine'), join(folder, 'fleet.yaml')]
    const full = mounted({ place, sizeBytes: 2 ** 19, command })
    if (full === undefined) return
    assert.is(full.status, 2)
    assert.match(full.stderr, /machine cannot be written: there is no room left; make room and try again\.\n$/)
    assert.not(
      full.left.some((name) => name.endsWith('.part') || name.endsWith('.guest')),
      `${full.left}`,
    )
    const readOnly = mounted({ place, sizeBytes: 2 ** 22, readOnly: true, command })
    assert.is(readOnly?.status, 2)
    assert.match(readOnly?.stderr ?? '', /machine lies on a read-only file system; take another folder\.\n$/)
  }))

test('a machine in a read-only folder runs if its guests write no disk, and says why if they do', () =>
  withFleet(ENDS, (folder, machine) => {
    const place = join(folder, 'place')
    mkdirSync(place)
    const run = () => {
      rmSync(machine, { recursive: true, force: true })
      mustBundle(folder, machine)
      const command = commandFor(join(place, 'machine'))
      return mounted({ place, sizeBytes: 2 ** 22, from: machine, readOnly: true, command })
    }
    const writes = run()
    if (writes === undefined) return
    assert.is(writes.status, 1)
    const why = 'lies on a read-only file system, and its guest writes it; copy the folder elsewhere'
    assert.ok(writes.stderr.endsWith(`The file 0.disk-0 of the boot folder ${why}.\n`), writes.stderr)
    writeFileSync(join(folder, 'fleet.yaml'), ENDS.replace('[disk]', '["disk,ro"]'))
    assert.is(run()?.status, 0)
  }))

test.run()
