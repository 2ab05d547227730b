// The words of the command line and of spec files: what they mean, and one clear sentence for what they cannot mean.

import { resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OrlopError } from '../../cli/error.ts'
import { Needle } from '../../cli/needle.ts'
import { parseNetwork } from '../../cli/network.ts'
import { readSettings } from '../../cli/settings.ts'
import { parseSize, showSize } from '../../cli/size.ts'
import { parseSpec } from '../../cli/spec-file.ts'

const MIB = 2 ** 20
const nothing = async () => undefined
const found = async () => ({
  kernel: '/cache/kernel',
  initrd: '/cache/initrd',
  kind: 'debian' as const,
  version: '6.12',
})
const settings = (words: string[], find: typeof found | typeof nothing = found) => readSettings(words, find)

function isSentence(message: string): void {
  assert.match(message, /\.$/)
  assert.not.match(message, /\n/)
}

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    assert.instance(error, OrlopError)
    assert.is((error as OrlopError).exitCode, 2)
    isSentence((error as OrlopError).message)
    return (error as OrlopError).message
  }
  return assert.unreachable('it was not refused') as never
}

async function refused(words: string[], find: typeof found | typeof nothing = found): Promise<string> {
  try {
    await settings(words, find)
  } catch (error) {
    return refusal(() => {
      throw error
    })
  }
  return assert.unreachable(`${words.join(' ')} was not refused`) as never
}

test('sizes count in 1024s or 1000s by their unit', () => {
  for (const [text, bytes] of [
    ['128M', 128 * MIB],
    ['128MiB', 128 * MIB],
    ['128 mib', 128 * MIB],
    ['1k', 1024],
    ['1KiB', 1024],
    ['1KB', 1000],
    ['2G', 2048 * MIB],
    ['1.5g', 1536 * MIB],
    ['100GB', 1e11],
    ['1T', 2 ** 40],
    ['0', 0],
  ] as const) {
    assert.is(parseSize(text, '--memory'), bytes, text)
  }
  assert.is(showSize(128 * MIB), '128 MiB')
  assert.is(showSize(3840 * MIB), '3.8 GiB')
  assert.is(showSize(512), '512 bytes')
})

test('a size without a unit, or with a strange one, is refused', () => {
  assert.match(
    refusal(() => parseSize('128', '--memory')),
    /--memory: "128" has no unit; write 128M/,
  )
  assert.match(
    refusal(() => parseSize('12x', '--memory')),
    /"x" is not a unit/,
  )
  for (const text of ['', '-1M', 'lots', '1e3M', '1M2', '0x10M']) {
    assert.match(
      refusal(() => parseSize(text, '--memory')),
      /is not a size/,
    )
  }
})

test('networks are words or addresses', () => {
  const net = (text: string) => parseNetwork(text, '--net')
  assert.is(net('none'), 'none')
  assert.is(net('loopback'), 'loopback')
  assert.equal(net('stream:127.0.0.1:5555'), { stream: { host: '127.0.0.1', port: 5555 } })
  assert.equal(net('stream:tcp:example.org:1'), { stream: { host: 'example.org', port: 1 } })
  assert.equal(net('stream:tcp:[::1]:65535'), { stream: { host: '::1', port: 65535 } })
  assert.equal(net('stream:unix:/run/a:b.sock'), { stream: { path: '/run/a:b.sock' } })
  assert.equal(net('listen:[::]:5555'), { listen: { host: '::', port: 5555 } })
  assert.equal(net('user'), { user: {} })
  assert.equal(net('tap:tap0'), { tap: 'tap0' })
  assert.equal(net('macvtap:/dev/tap7'), { macvtap: '/dev/tap7' })
  const wrong = [
    '',
    'stream:',
    'stream:host',
    'stream:host:0',
    'stream:host:65536',
    'stream:unix:',
    'listen:',
    'tap:',
    'tap:/dev/x',
  ]
  for (const text of [...wrong, 'user:', 'macvtap:a b', 'tap:sixteen-letters-']) {
    assert.match(
      refusal(() => net(text)),
      /give none, loopback, user, stream:/,
    )
  }
})

test('a spec file says what the flags can say, with paths relative to itself', () => {
  const text = [
    'name: web',
    'memory: 512M',
    'kernel: ../Image',
    'initrd: /abs/initrd',
    'append: root=/dev/vda',
    'disks:',
    '  - data.img',
    '  - seed.img,ro',
    '  - path: more.img',
    '    readOnly: true',
    'net: stream:127.0.0.1:5555',
    'console: none',
    'translator: verify',
  ].join('\n')
  assert.equal(parseSpec(text, '/guests/web/spec.yaml'), {
    name: 'web',
    memoryBytes: 512 * MIB,
    kernel: '/guests/Image',
    initrd: '/abs/initrd',
    append: 'root=/dev/vda',
    disks: [
      { path: '/guests/web/data.img', readOnly: false },
      { path: '/guests/web/seed.img', readOnly: true },
      { path: '/guests/web/more.img', readOnly: true },
    ],
    net: { stream: { host: '127.0.0.1', port: 5555 } },
    console: 'none',
    translator: 'verify',
  })
})

test('complaints about a spec file name the file, the line, the field, and what is allowed', () => {
  const complaint = (text: string) => refusal(() => parseSpec(text, 'web.yaml'))
  assert.is(
    complaint('name: web\nmemroy: 1G\n'),
    'web.yaml:2: There is no field "memroy"; allowed are name, memory, kernel, initrd, append, firmware, disks, net, console, translator.',
  )
  assert.match(
    complaint('disks:\n  - path: a\n    ro: true\n'),
    /^web.yaml:3: There is no field "ro"; allowed are path, readOnly/,
  )
  assert.match(complaint('disks:\n  - readOnly: true\n'), /^web.yaml:2: A disk needs the field "path"/)
  assert.match(
    complaint('disks:\n  - path: a\n    readOnly: maybe\n'),
    /^web.yaml:3: .*"readOnly" must be true or false/,
  )
  assert.match(complaint('disks: a.img\n'), /^web.yaml:1: .*"disks" must be a list/)
  assert.match(complaint('memory: 128\n'), /^web.yaml:1: memory: "128" has no unit/)
  assert.match(complaint('name: a\nkernel: [a]\n'), /^web.yaml:2: The field "kernel" must be a text/)
  assert.match(complaint('kernel:\n'), /^web.yaml:1: The field "kernel" must be a text/)
  assert.match(complaint('console: tty\n'), /^web.yaml:1: console: "tty" is no console; give stdio or none/)
  assert.match(
    complaint('translator: 2\n'),
    /^web.yaml:1: translator: "2" is no setting for it; give on, off or verify\.$/,
  )
  assert.match(complaint('net: lan\n'), /^web.yaml:1: net: "lan" is no network/)
  assert.match(complaint('- a\n'), /^web.yaml:1: A guest must have fields: name, /)
  assert.match(complaint(''), /^web.yaml:1: A guest must have fields/)
  assert.match(complaint('name: a\nname: b\n'), /^web.yaml:2: This is not YAML: Map keys must be unique/)
  assert.match(complaint('name: "a\n'), /^web.yaml:\d: This is not YAML/)
  assert.match(complaint('name: &a b\nkernel: *c\n'), /^web.yaml:2: /)
})

test('without a kernel it is the guest in the cache, told to keep quiet', async () => {
  const plain = await settings([])
  assert.is(plain.kernel, '/cache/kernel')
  assert.is(plain.initrd, '/cache/initrd')
  assert.is(plain.memoryBytes, 128 * MIB)
  assert.is(plain.console, 'stdio')
  assert.is(plain.net, 'none')
  assert.is(plain.translator, 'on')
  assert.is(plain.commandLine, 'console=ttyS0 panic=-1 reboot=panic_warm cryptomgr.notests quiet')
  const own = await settings(['--kernel', 'Image', '--append', 'debug'], nothing)
  assert.is(own.kernel, 'Image')
  assert.is(own.initrd, undefined)
  assert.is(own.commandLine, 'console=ttyS0 panic=-1 reboot=panic_warm debug')
  assert.is((await settings(['--firmware', 'a.elf'], nothing)).commandLine, '')
  assert.match(await refused([], nothing), /type "orlop pull debian"/)
})

test('flags are taken in both forms, and repeated disks add up', async () => {
  const all = await settings([
    '--memory=1G',
    '--disk',
    'a.img',
    '--disk=b.img,ro',
    '--timeout',
    '2.5',
    '--json',
    '--translator=off',
  ])
  assert.is(all.memoryBytes, 1024 * MIB)
  assert.equal(all.disks, [
    { path: 'a.img', readOnly: false },
    { path: 'b.img', readOnly: true },
  ])
  assert.is(all.timeoutMs, 2500)
  assert.is(all.translator, 'off')
  assert.is(all.stats, 'json')
})

test('memory is a whole number of pages within what a machine can have', async () => {
  assert.is((await settings(['--memory', '100MB'])).memoryBytes % 4096, 0)
  for (const size of ['0', '1k', '3841M', '100G', '100T']) {
    assert.match(await refused(['--memory', size]), /A guest can have from 1 MiB to 3.8 GiB of memory, not/)
  }
})

test('wrong words are refused with what to do instead', async () => {
  assert.match(await refused(['--frob']), /knows no --frob; "orlop help run"/)
  assert.match(await refused(['-m', '1G']), /knows no -m/)
  assert.match(await refused(['--memory']), /--memory needs a value/)
  assert.match(await refused(['--memory', '--json']), /--memory needs a value/)
  assert.match(await refused(['--json=yes']), /--json takes no value/)
  assert.match(await refused(['--net', 'none', '--net', 'none']), /--net is given twice/)
  assert.match(await refused(['--timeout', '0']), /seconds above 0/)
  assert.match(await refused(['--timeout', 'soon']), /seconds above 0/)
  assert.match(await refused(['--stats', 'xml']), /give json or text/)
  assert.match(await refused(['--until', '']), /not empty/)
  assert.match(await refused(['--translator', 'maybe']), /--translator: "maybe" is no setting for it; give on, off or/)
  assert.match(await refused(['--console', 'vga']), /give stdio or none/)
  assert.match(await refused(['a.yaml', 'b.yaml']), /"b.yaml" is too much/)
  assert.match(await refused([resolve('missing.yaml')]), /missing.yaml does not exist/)
  assert.match(await refused(['/']), /is a folder/)
})

test('a text is found across the pieces of a stream', () => {
  const needle = new Needle('/ # ')
  const pieces = ['boot', 'ing /', ' ', '/ ', '#', ' more']
  assert.equal(
    pieces.map((piece) => needle.isIn(Buffer.from(piece))),
    [false, false, false, false, false, true],
  )
  assert.is(new Needle('äb').isIn(Buffer.from('xäbx')), true)
  assert.is(new Needle('a').isIn(Buffer.from('b')), false)
})

test.run()
