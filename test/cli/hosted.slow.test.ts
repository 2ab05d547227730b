// Fleets whose guests are processes of the host: the same guests, the same verbs, and what the difference is.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Snapshot } from '../../cli/machine/machine.ts'
import { APPEND, lean, withScript } from '../boot/guests.ts'
import { freePort } from '../support/ports.ts'
import { background, becomes, Client, cleanUp, does, file, folder, json, says, until, up } from './lab.ts'
import { ORLOP, orlop } from './orlop.ts'
import { page, SERVE } from './serving.ts'

const DISK_BYTES = 1 << 20

/** Waits to be asked for the other's page. */
const ASK = `echo IS''SERVING
while read name; do echo "$name says: $(wget -qO- http://$name/)"; done`

// Folders with sockets are counted: what others make elsewhere is not.
process.env.TMPDIR = mkdtempSync(join(folder, 't'))

/** The processes of a machine's guests; with `-o` the oldest of them, whose number need not be the lowest. */
function processesOf(machine: number, ...flags: '-o'[]): number[] {
  const { stdout } = spawnSync('pgrep', [...flags, '-P', `${machine}`, '-f', 'guest\\.mjs'], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}

/** Folders with sockets that were not there before. */
function wires(before: string[] = []): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('orlop-wire-') && !before.includes(name))
}

test('guests that are processes serve each other and the host, and all verbs reach them', async () => {
  const system = await lean()
  if (system === undefined) return
  const { kernel, initrd } = withScript(system, folder, SERVE)
  const asker = withScript(system, folder, ASK)
  const disk = join(folder, 'hosted.img')
  writeFileSync(disk, '')
  truncateSync(disk, DISK_BYTES)
  const port = await freePort()
  const guest = (image: { kernel: string; initrd: string }) =>
    `kernel: ${image.kernel}, initrd: ${image.initrd}, memory: 64M, append: "${APPEND} orlop.run=/test", networks: [lan]`
  const fleet = file(
    'hosted.yaml',
    `machine: { name: hosted }
networks: { lan: {} }
guests:
  web: { ${guest({ kernel, initrd })}, disks: [${disk}] }
  api: { ${guest(asker)}, weight: 64 }
publish: ["${port}:web:80"]
`,
  )
  const before = wires()
  const { pid } = up(fleet, '--hosted')
  assert.is(processesOf(pid).length, 2)
  const client = await Client.connect('hosted')
  const at = ['--machine', 'hosted']
  try {
    for (const name of ['web', 'api']) await says(client, name, 'ISSERVING')
    await until('web answers', () =>
      page(port).then(
        (text) => text === 'page of web\n',
        () => false,
      ),
    )
    const ask = ['console', 'api', '--until', 'web says: page of web', '--timeout', '300', ...at]
    const typed = spawnSync(process.execPath, [ORLOP, ...ask], { input: 'web\n', encoding: 'utf8' })
    assert.is(typed.status, 0, `${typed.stderr}${typed.stdout.slice(-1000)}`)

    // Its guests have the same address space of numbers, and memory and CPUs of their own.
    const { machine, guests } = await client.request<Snapshot>('look')
    assert.is(machine.cpus, 2)
    assert.equal(
      guests.map(({ name, id }) => [name, id]),
      [
        ['web', 1],
        ['api', 2],
      ],
    )
    assert.ok(machine.usedBytes > 2 * 4 * 2 ** 20 && machine.usedBytes < machine.memoryBytes)
    const priorities = processesOf(pid).map((process) => getPriority(process))
    assert.equal(priorities.sort(), [0, 6], 'a quarter of the weight is some six steps of niceness')
    const network = json<{ report: { ports: { owner: string; isUp: boolean; ip4?: string }[] } }>(
      'net',
      'info',
      'lan',
      ...at,
    )
    const ports = network.report.ports.filter(({ owner }) => owner === 'web' || owner === 'api')
    assert.ok(ports.length === 2 && ports.every(({ isUp, ip4 }) => isUp && ip4?.startsWith('10.9.')))

    // Far more than it reads: it is held back, and does not keep the guest from its end.
    const flood = background(['console', 'api', ...at])
    // It ends with its guest, and does not take all of it.
    flood.stdin?.on('error', () => undefined)
    flood.stdin?.end(Buffer.alloc(4 << 20, 'nobody\n'))
    await says(client, 'api', 'nobody says')
    does('poweroff', 'api', ...at)
    flood.kill()
    does('start', 'api', ...at)
    await says(client, 'api', 'ISSERVING', 2)

    does('pause', 'api', ...at)
    await becomes(client, 'api', /paused/)
    does('unpause', 'api', ...at)
    await becomes(client, 'api', /idle|running/)
    does('set', 'api', '--cap', '50', '--weight', '256', ...at)
    does('shutdown', 'api', '--timeout', '300', ...at)
    await becomes(client, 'api', /off/)
    assert.is(processesOf(pid).length, 1, 'a guest that is off is no process')
    does('start', 'api', ...at)
    await says(client, 'api', 'ISSERVING', 3)
  } finally {
    client.close()
  }
  does('down', ...at)
  await until('the guests are gone', () => processesOf(pid).length === 0)
  assert.equal(wires(before), [])
  assert.is(readFileSync(disk).subarray(0, 512).toString().replace(/\0+$/, ''), 'written by web\n')
})

test('a guest whose process dies is crashed, and the others go on', async () => {
  const system = await lean()
  if (system === undefined) return
  const { kernel, initrd } = withScript(system, folder, SERVE)
  const guest = `kernel: ${kernel}, initrd: ${initrd}, memory: 64M, append: "${APPEND} orlop.run=/test", networks: [lan]`
  const fleet = file(
    'dying.yaml',
    `machine: { name: dying }\nnetworks: { lan: {} }\nguests: { one: { ${guest} }, two: { ${guest}, on_crash: restart } }\n`,
  )
  const { pid } = up(fleet, '--hosted')
  const client = await Client.connect('dying')
  try {
    for (const name of ['one', 'two']) await says(client, name, 'ISSERVING')
    const [first] = processesOf(pid, '-o')
    const second = processesOf(pid).find((other) => other !== first)
    process.kill(first as number, 'SIGKILL')
    await becomes(client, 'one', /crashed/)
    const { guests } = await client.request<Snapshot>('look')
    assert.is(guests[0]?.reason, 'its process was ended by SIGKILL')
    assert.match(guests[1]?.state ?? '', /idle|running/)
    process.kill(second as number, 'SIGKILL')
    await says(client, 'two', 'ISSERVING', 2)
    does('start', 'one', '--machine', 'dying')
    await says(client, 'one', 'ISSERVING', 2)
    assert.is(processesOf(pid).length, 2)
  } finally {
    client.close()
  }
})

test('a guest can have a runtime for WASI of its own', async () => {
  const system = await lean()
  if (system === undefined) return
  const { kernel, initrd } = withScript(system, folder, SERVE)
  const port = await freePort()
  const guest = `kernel: ${kernel}, initrd: ${initrd}, memory: 64M, append: "${APPEND} orlop.run=/test", networks: [lan]`
  const fleet = file(
    'both.yaml',
    `machine: { name: both }\nnetworks: { lan: {} }\nguests: { api: { ${guest} } }\npublish: ["${port}:api:80"]\n`,
  )
  const { pid } = up(fleet, '--hosted', '--runtime', 'node-wasi')
  const client = await Client.connect('both')
  try {
    await says(client, 'api', 'ISSERVING')
    await until('it answers', () =>
      page(port).then(
        (text) => text === 'page of api\n',
        () => false,
      ),
    )
    const [process] = processesOf(pid)
    assert.is(spawnSync('pgrep', ['-P', `${process}`]).status, 0, 'the guest is no process of the process')
  } finally {
    client.close()
  }
})

test('guests do not outlive the machine that has started them', async () => {
  const fleet = file(
    'orphans.yaml',
    'machine: { name: orphans }\nnetworks: { lan: {} }\nguests: { one: { memory: 64M, networks: [lan] }, two: { memory: 64M } }\n',
  )
  const before = wires()
  const { pid } = up(fleet, '--hosted')
  const children = processesOf(pid)
  assert.is(children.length, 2)
  assert.is(wires(before).length, 1)
  process.kill(pid, 'SIGKILL')
  await until('they are gone', () =>
    children.every((child) => !readText(`/proc/${child}/cmdline`).includes('guest.mjs')),
  )
  assert.equal(wires(before), [])
})

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

test('a guest that cannot be made is refused in one sentence, and leaves no process', async () => {
  const fleet = file(
    'missing.yaml',
    'machine: { name: missing }\nguests: { one: { memory: 64M, disks: [nothing.img] } }\n',
  )
  const { status, stdout, stderr } = orlop(['up', '--hosted', '--detach', '--json', fleet])
  assert.is(status, 1)
  assert.match(stderr, /^orlop: "one": The disk [^\n]*nothing\.img does not exist[^\n]*\n$/)
  assert.equal(processesOf(JSON.parse(stdout).pid), [])
})

test.after(cleanUp)

test.run()
