// Fleet files: what they mean, one clear sentence for what they cannot mean, and a published schema that says the same.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { OrlopError } from '../../cli/error.ts'
import { parseFleet } from '../../cli/fleet/file.ts'
import { KNOBS } from '../../cli/fleet/knobs.ts'
import { fleetSchema } from '../../cli/fleet/shapes.ts'
import { fits } from './schema.ts'

const MIB = 2 ** 20
const found = async () => ({ kernel: '/cache/kernel', initrd: '/cache/initrd', kind: 'lean' as const, version: '6.12' })
const fleet = (text: string, find: () => ReturnType<typeof found> | Promise<undefined> = found) =>
  parseFleet(text, '/lab/three.yaml', find)

async function complaint(text: string, find?: () => Promise<undefined>): Promise<string> {
  try {
    await fleet(text, find)
  } catch (error) {
    assert.instance(error, OrlopError)
    assert.is((error as OrlopError).exitCode, 2)
    assert.match((error as OrlopError).message, /^\/lab\/three\.yaml:\d+: [^\n]+\.$/)
    return (error as OrlopError).message.replace('/lab/', '')
  }
  return assert.unreachable(`It was not refused: ${text}`) as never
}

const LONG = `
machine: { name: lab, cpus: 2, memory: 1G }
guests:
  - name: web
    memory: 64M
    harts: 4
    kernel: Image
    append: quiet
    disks: [web.img, seed.img,ro, { path: more.img, readOnly: true }]
    net: loopback
    console: none
    translator: off
    weight: 512
    cap: 50
    reservation: 12.5
    guarantee: 32M
    sharing: false
    limits:
      disk: { bandwidth: 10M, operations: 200, burst: 1M, burstOperations: 20 }
      net: { bandwidth: 1MB, frames: 1000, burst: 64k, burstFrames: 100 }
      console: { bandwidth: 9600b, burst: 1k }
    autostart: false
    on_poweroff: restart
    on_reset: stop
    on_crash: restart
`

test('a fleet says what its machine and its guests are, with paths relative to itself', async () => {
  // "seed.img,ro" in a flow list is two entries to YAML.
  const { machine, guests } = await fleet(LONG.replace('seed.img,ro', '"seed.img,ro"'))
  assert.equal(machine, { name: 'lab', cpus: 2, memoryBytes: 1024 * MIB })
  assert.equal(guests, [
    {
      name: 'web',
      memoryBytes: 64 * MIB,
      harts: 4,
      kernel: '/lab/Image',
      commandLine: 'console=ttyS0 panic=-1 reboot=panic_warm quiet',
      disks: [
        { path: '/lab/web.img', readOnly: false },
        { path: '/lab/seed.img', readOnly: true },
        { path: '/lab/more.img', readOnly: true },
      ],
      nets: [{ network: 'web/net', mac: '02:a3:4f:fd:e5:f1' }],
      hasConsole: false,
      translator: 'off',
      settings: {
        weight: 512,
        cap: 50,
        reservation: 12.5,
        guaranteeBytes: 32 * MIB,
        sharing: false,
        blockBytes: 10 * MIB,
        blockOperations: 200,
        blockBurstBytes: MIB,
        blockBurstOperations: 20,
        netBytes: 1e6,
        netFrames: 1000,
        netBurstBytes: 65536,
        netBurstFrames: 100,
        consoleBytes: 9600,
        consoleBurstBytes: 1024,
      },
      autostart: false,
      onPoweroff: 'restart',
      onReset: 'stop',
      onCrash: 'restart',
    },
  ])
})

test('what a fleet leaves out has defaults, and the guest is the one in the cache', async () => {
  const { machine, guests } = await fleet('guests:\n  one:\n  two: { memory: 32M }\n')
  assert.equal(machine, { name: 'three' })
  assert.equal(
    guests.map(({ name, memoryBytes, harts, kernel, initrd }) => [name, memoryBytes, harts, kernel, initrd]),
    [
      ['one', 128 * MIB, 1, '/cache/kernel', '/cache/initrd'],
      ['two', 32 * MIB, 1, '/cache/kernel', '/cache/initrd'],
    ],
  )
  const [one] = guests
  assert.equal(one?.settings, {})
  assert.equal([one?.autostart, one?.onPoweroff, one?.onReset, one?.onCrash], [true, 'stop', 'restart', 'stop'])
  assert.match(await complaint('guests: { one: }', async () => undefined), /three.yaml:1: .*type "orlop pull debian"/)
  const firmware = await fleet('guests: { one: { firmware: a.elf } }', async () => undefined)
  assert.equal([firmware.guests[0]?.firmware, firmware.guests[0]?.commandLine], ['/lab/a.elf', ''])
})

test('count makes copies with numbers in their names, paths and words', async () => {
  const { guests } = await fleet('guests: { web: { count: 3, disks: ["{n}.img", "all.img,ro"], append: "id={n}" } }')
  assert.equal(
    guests.map(({ name, disks, commandLine }) => [name, disks[0]?.path, commandLine.split(' ').at(-1)]),
    [1, 2, 3].map((n) => [`web-${n}`, `/lab/${n}.img`, `id=${n}`]),
  )
})

test('complaints about a fleet name the file, the line, the field, and what is allowed', async () => {
  for (const [text, sentence] of [
    ['', /three.yaml:1: A fleet must have fields: machine, networks, guests, publish\.$/],
    ['machine: {}', /:1: A fleet needs the field "guests"\.$/],
    [
      'guests: []\nmemory: 1G',
      /:2: There is no field "memory"; allowed are machine, networks, guests, publish\. A guest is an entry below/,
    ],
    ['guests: web', /:1: The field "guests" must list guests, or map names to them\.$/],
    ['guests:\n  web:\n    memroy: 1G', /:3: There is no field "memroy"; allowed are memory, kernel, .*, on_crash\.$/],
    ['guests:\n  - memory: 1G', /:2: A guest needs the field "name"\.$/],
    ['guests:\n  web: 5', /:2: A guest must have fields: memory, /],
    ['guests: { 12: }', /:1: The name of a guest must be letters, .*, at least one letter among them/],
    ['guests: [{ name: a b }]', /:1: The field "name" must be letters/],
    ['guests: [{ name: 12 }]', /:1: The field "name" must be letters/],
    ['guests: { web: { harts: 9 } }', /:1: The field "harts" must be a whole number from 1 to 8\.$/],
    ['guests: { web: { harts: 1.5 } }', /"harts" must be a whole number/],
    ['guests: { web: { weight: 0 } }', /"weight" must be a whole number from 1 to 65535/],
    ['guests: { web: { cap: lots } }', /"cap" must be a number from 0 to 800/],
    ['guests: { web: { guarantee: 100 } }', /guarantee: "100" has no unit; write 100M/],
    ['guests: { web: { guarantee: 99G } }', /"guarantee" must be from 0 bytes to 3.8 GiB, not 99 GiB/],
    ['guests: { web: { memory: 99G } }', /:1: memory: A guest can have from 1 MiB to 3.8 GiB of memory, not 99 GiB\.$/],
    ['guests: { web: { sharing: 1 } }', /"sharing" must be true or false/],
    [
      'guests: { web: { limits: { disk: 5 } } }',
      /A limit must have fields: bandwidth, operations, burst, burstOperations/,
    ],
    ['guests: { web: { limits: { cpu: {} } } }', /no field "cpu"; allowed are disk, net, console/],
    ['guests: { web: { on_reset: destroy } }', /on_reset: "destroy" is not known here; give stop or restart/],
    ['guests: { web: { count: 0 } }', /"count" must be a whole number from 1 to 64/],
    ['guests: { web: { count: 65 } }', /"count" must be a whole number from 1 to 64/],
    ['guests:\n  a: { count: 60 }\n  b: { count: 5 }', /:3: A machine has at most 64 guests/],
    ['guests:\n  - name: a\n  - name: a', /:3: There are two guests "a"; rename one/],
    ['guests:\n  a: { disks: [x] }\n  b: { disks: ["x,ro"] }', /:3: "b" and "a" cannot both have the disk \/lab\/x/],
    ['guests: { a: { count: 2, disks: [x] } }', /cannot both have the disk .*\{n\} in the path/],
    ['guests: { a: { disks: [1,2,3,4,5,6,7,8,9] } }', /"disks" lists 9; the most is 8/],
    ['machine: { cpus: 17 }\nguests: []', /:1: The field "cpus" must be a whole number from 1 to 16/],
    ['machine: { memory: 1k }\nguests: []', /"memory" must be from 16 MiB to 3.8 GiB, not 1 KiB/],
    ['machine: { name: "7" }\nguests: []', /"name" must be letters/],
    ['machine: 5\nguests: []', /A machine must have fields: name, cpus, memory/],
    ['guests: [', /This is not YAML/],
    ['guests: []\nguests: []', /:2: This is not YAML: Map keys must be unique/],
  ] as const) {
    assert.match(await complaint(text), sentence)
  }
})

const FILE = fileURLToPath(new URL('../../docs/fleet.schema.json', import.meta.url))
const published = JSON.parse(readFileSync(FILE, 'utf8'))

test('docs/fleet.schema.json is what "orlop up --schema" prints', () => {
  const now = `${JSON.stringify(fleetSchema(), undefined, 2)}\n`
  assert.ok(readFileSync(FILE, 'utf8') === now, 'It is not; write it anew: orlop up --schema > docs/fleet.schema.json')
})

/** Words for each field: those that a fleet may say, and those that it may not. */
const WORDS: Record<string, [good: string[], bad: string[]]> = {
  memory: [
    ['32M', '1.5G', '64MiB', '100MB'],
    ['lots', '5', 'true', '[1G]', '1X', '""'],
  ],
  kernel: [
    ['Image', '/a/b', '5'],
    ['[]', '{}', 'true', '""', ''],
  ],
  initrd: [['a'], ['{}']],
  firmware: [['a.elf'], ['[a]']],
  append: [
    ['quiet debug', '7'],
    ['[a]', 'false'],
  ],
  disks: [
    ['[]', '[a.img]', '["a,ro"]', '[{ path: a }]', '[{ path: a, readOnly: true }]'],
    ['a.img', '{}', '[{}]', '[{ readOnly: true }]', '[{ path: a, readOnly: 1 }]', '[{ path: a, ro: true }]', '[true]'],
  ],
  net: [
    ['none', 'loopback', 'stream:localhost:5', 'stream:unix:/a', 'stream:tcp:[::1]:9'],
    ['lan', '"stream:"', '5', 'stream:a:b'],
  ],
  networks: [
    [
      '[]',
      '[lan]',
      '[lan, { network: lan, address: 10.9.0.20, mac: "02:00:00:00:00:01", vlan: 5 }]',
      '[{ network: lan, vlan: trunk, isolated: true, trusted: false }]',
    ],
    [
      'lan',
      '{ network: lan }',
      '[5]',
      '[{ vlan: 5 }]',
      '[{ network: lan, vlan: 4095 }]',
      '[{ network: lan, mac: "02:00" }]',
      '[{ network: lan, address: here }]',
      '[{ network: lan, isolated: 1 }]',
      '[{ network: lan, port: 5 }]',
      '[lan, lan, lan, lan, lan]',
    ],
  ],
  console: [
    ['stdio', 'none'],
    ['tty', '1'],
  ],
  translator: [
    ['on', 'off', 'verify'],
    ['maybe', 'true'],
  ],
  harts: [
    ['1', '8'],
    ['0', '9', '1.5', 'two', '"2"'],
  ],
  weight: [
    ['1', '65535'],
    ['0', '65536', '1.5', '"5"', 'null'],
  ],
  cap: [
    ['0', '50', '12.5', '800'],
    ['-1', '801', '50%', 'true'],
  ],
  reservation: [
    ['0', '95'],
    ['-1', 'half'],
  ],
  guarantee: [
    ['0', '64M', '64 MiB'],
    ['64', 'true', '1Q'],
  ],
  sharing: [
    ['true', 'false'],
    ['1', 'yes', '"true"'],
  ],
  autostart: [
    ['true', 'false'],
    ['no', '0'],
  ],
  count: [
    ['1', '3'],
    ['0', '65', '1.5'],
  ],
  on_poweroff: [
    ['stop', 'restart'],
    ['destroy', 'true'],
  ],
  on_reset: [['stop', 'restart'], ['preserve']],
  on_crash: [['stop', 'restart'], ['5']],
  limits: [
    [
      '{}',
      '{ disk: { bandwidth: 1M, operations: 10, burst: 0, burstOperations: 5 } }',
      '{ net: { bandwidth: 1M, frames: 10, burst: 1k, burstFrames: 5 }, console: { bandwidth: 1k, burst: 1k } }',
    ],
    [
      '[]',
      '{ disk: 5 }',
      '{ cpu: {} }',
      '{ disk: { bandwidth: 5 } }',
      '{ disk: { operations: 1.5 } }',
      '{ net: { rate: 1M } }',
    ],
  ],
}

test('the schema and the reader agree about every field of a guest', async () => {
  const fields = Object.keys(published.properties.guests.anyOf[1].additionalProperties.anyOf[0].properties)
  assert.equal([...fields].sort(), Object.keys(WORDS).sort())
  for (const [field, [good, bad]] of Object.entries(WORDS)) {
    for (const word of [...good, ...bad]) {
      const text = `networks: { lan: { subnet: 10.9.0.0/24 } }\nguests:\n  web:\n    ${field}: ${word}\n`
      const isRead = await fleet(text).then(
        () => true,
        (error) => {
          assert.instance(error, OrlopError)
          return false
        },
      )
      assert.is(isRead, good.includes(word), `${field}: ${word} is ${isRead ? 'read' : 'refused'}`)
      assert.is(fits(published, parse(text)), isRead, `The schema thinks otherwise of ${field}: ${word}`)
    }
  }
})

test('the schema and the reader agree about the shape of a fleet', async () => {
  for (const [text, isGood] of [
    ['guests: []', true],
    ['guests: {}', true],
    ['guests: { web: }', true],
    ['guests: [{ name: web }]', true],
    ['machine: { name: lab, cpus: 4, memory: 2G }\nguests: []', true],
    ['networks: {}\nguests: []', true],
    ['networks: { lan: }\nguests: []\npublish: []', true],
    ['networks: { lan: { uplink: { listen: "0.0.0.0:5555" }, mode: bridge } }\nguests: []', true],
    ['networks: [lan]\nguests: []', false],
    ['networks: { lan: { colour: red } }\nguests: []', false],
    ['networks: { lan: { uplink: {} } }\nguests: []', false],
    ['publish: 80\nguests: []', false],
    ['publish: ["80"]\nguests: []', false],
    ['machine: {}', false],
    ['guests: [{}]', false],
    ['guests: web', false],
    ['guests: { 12: }', false],
    ['guests: { "a b": }', false],
    ['guests: [{ name: 12 }]', false],
    ['guests: { web: { name: web } }', false],
    ['guest: []', false],
    ['machine: { cpus: 0 }\nguests: []', false],
    ['machine: { cpus: 17 }\nguests: []', false],
    ['machine: { name: "12" }\nguests: []', false],
    ['machine: { ram: 1G }\nguests: []', false],
    ['machine: { memory: 5 }\nguests: []', false],
  ] as const) {
    assert.is(fits(published, parse(text)), isGood, text)
    if (isGood) await fleet(text)
    else await complaint(text)
  }
})

test('every knob has a field in the schema or is one that only a running guest has', () => {
  const guest = published.properties.guests.anyOf[1].additionalProperties.anyOf[0]
  for (const { field, setting, what } of KNOBS) {
    if (field === undefined) {
      assert.is(setting, 'targetBytes')
      continue
    }
    let schema = guest
    for (const name of field) schema = schema.properties[name]
    assert.ok(schema.description.startsWith(what), field.join('.'))
  }
})

test.run()
