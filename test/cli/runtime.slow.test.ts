// Fleets under runtimes for WASI: the same guests, the same verbs, only the machine is a program of its own.

import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Snapshot } from '../../cli/machine/machine.ts'
import { RUNTIMES, readRuntime } from '../../cli/runtime.ts'
import { STREAM_HELLO, STREAM_VERSION } from '../../host-shim/stream.ts'
import { ABI_VERSION, WEIGHT_DEFAULT } from '../../hypervisor/abi.ts'
import { APPEND, argumentsForScript, lean, withScript } from '../boot/guests.ts'
import { runOrlop } from '../boot/orlop.ts'
import { freePort } from '../support/ports.ts'
import { isStrict } from '../support/tools.ts'
import { imageThatSays } from '../wasi/speaker.ts'
import { ORLOP, orlop } from './orlop.ts'
import {
  background,
  becomes,
  Client,
  cleanUp,
  does,
  file,
  folder,
  json,
  logOf,
  refuses,
  says,
  until,
  up,
} from './lab.ts'
import { page, SERVE } from './serving.ts'

const DISK_BYTES = 1 << 20

/** Where a guest of Node writes on the disk, in sectors. */
const NODES_SECTOR = 1
const NODES_WORDS = 'written under Node'
/** Reads what a guest of Node has left on its disk, then writes to that and serves a page. */
const READ_AND_SERVE = `[ -b /dev/vda ] && echo "disk says: $(dd if=/dev/vda bs=512 skip=${NODES_SECTOR} count=1 2>/dev/null | head -n 1)"
${SERVE}`
const WRITE = `echo "${NODES_WORDS}" | dd of=/dev/vda bs=512 seek=${NODES_SECTOR} conv=sync,fsync 2>/dev/null && echo IS''WRITTEN`
/** Takes all of the CPU that it can get. */
const SPIN = `echo IS''SPINNING
while :; do :; done`
/** Time of the CPU after which shares of it are compared. */
const ENOUGH_NS = 1e9

/** Whether the runtime is here; where it must be, it is an error that it is not. */
function isThere(runtime: string): boolean {
  try {
    readRuntime(runtime, [])
    return true
  } catch (error) {
    if (isStrict()) throw error
    process.stderr.write(`Skipped: ${(error as Error).message}\n`)
    return false
  }
}

/** Waits until guest "two" gets so many times the CPU time of guest "one". */
async function sharesBecome(what: string, isRight: (share: number) => boolean, at: string[]): Promise<void> {
  let before = usedNs(at)
  await until(what, () => {
    const now = usedNs(at)
    const [one, two] = [now.one - before.one, now.two - before.two]
    if (one + two < ENOUGH_NS) return false
    before = now
    return isRight(two / one)
  })
}

/** CPU time that both guests have used since they were started. */
function usedNs(at: string[]): { one: number; two: number } {
  const { guests } = json<{ guests: { counters: { guestNs: number } }[] }>('stats', 'one', 'two', ...at)
  const [one = 0, two = 0] = guests.map(({ counters }) => counters.guestNs)
  return { one, two }
}

/** Captures a guest's frames while it serves its page, which must be among them. */
async function captures(guest: string, port: number, at: string[]): Promise<void> {
  const path = join(folder, `${guest}-${port}.pcap`)
  const child = background(['net', 'capture', guest, '-o', path, ...at])
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const closed = once(child, 'close')
  await until('it captures', () => said.includes(`Capturing ${guest} into`))
  const text = await page(port)
  await until('the page is in the file', () => existsSync(path) && readFileSync(path).includes(text))
  child.kill('SIGINT')
  assert.equal(await closed, [0, null])
  assert.match(said, /\n[1-9]\d* packets\.\n$/)
}

for (const runtime of RUNTIMES.filter((name) => name !== 'node')) {
  test(`${runtime}: two guests serve pages behind NAT, and all verbs reach them`, async () => {
    const system = await lean()
    if (system === undefined || !isThere(runtime)) return
    const { kernel, initrd } = withScript(system, folder, READ_AND_SERVE)
    const disk = join(folder, `${runtime}.img`)
    writeFileSync(disk, '')
    truncateSync(disk, DISK_BYTES)
    const writer = withScript(system, folder, WRITE)
    const wrote = await runOrlop(['run', ...argumentsForScript(writer), '--disk', disk])
    assert.match(wrote.console, /ISWRITTEN/)
    const ports = [await freePort(), await freePort()]
    const guest = `kernel: ${kernel}, initrd: ${initrd}, memory: 64M, append: "${APPEND} orlop.run=/test", networks: [lan]`
    const fleet = file(
      `${runtime}.yaml`,
      `machine: { name: ${runtime}, memory: 256M }
networks: { lan: {} }
guests:
  web: { ${guest}, disks: [${disk}] }
  api: { ${guest} }
publish: ["${ports[0]}:web:80", "${ports[1]}:api:80"]
`,
    )
    up(fleet, '--runtime', runtime)
    const client = await Client.connect(runtime)
    const at = ['--machine', runtime]
    try {
      for (const [i, name] of ['web', 'api'].entries()) {
        await says(client, name, 'ISSERVING')
        await until(`${name} answers`, () =>
          page(ports[i] as number).then(
            (text) => text === `page of ${name}\n`,
            () => false,
          ),
        )
      }
      await says(client, 'web', `disk says: ${NODES_WORDS}`)
      // Both at once, again and again.
      const pages = await Promise.all(Array.from({ length: 20 }, (_, i) => page(ports[i % 2] as number)))
      assert.equal(new Set(pages), new Set(['page of web\n', 'page of api\n']))

      const { machine } = await client.request<Snapshot>('look')
      assert.is(machine.cpus, 1)
      assert.match(does('list', ...at), /^ID +NAME +STATE[^\n]*\n +1 +web +[^\n]* 64 MiB\n +2 +api +[^\n]* 64 MiB\n$/)
      const table = does('top', '--count', '1', '--interval', '0.2', ...at)
      assert.match(
        table,
        new RegExp(`^${runtime}: 1 CPU [^\\n]*\\n *ID [^\\n]*\\n +1 +web [^\\n]*\\n +2 +api [^\\n]*\\n`),
      )
      assert.match(does('net', 'list', ...at), /^NAME [^\n]*\nlan +nat +user +up +[\d./]+ +2 +\d+\n$/)
      const { guests } = json<{ guests: { counters: { instructions: number } }[] }>('stats', 'api', ...at)
      const { instructions } = guests[0]?.counters ?? { instructions: 0 }
      assert.ok(instructions > 1_000_000, `it has executed ${instructions} instructions`)
      does('pause', 'web', ...at)
      await becomes(client, 'web', /paused/)
      does('unpause', 'web', ...at)
      await becomes(client, 'web', /idle|running/)
      const networks = json<{ ports: { name: string; toGuest: number }[] }>('net', 'info', 'lan', ...at)
      assert.ok(JSON.stringify(networks).includes(`${ports[0]}`))
      await captures('web', ports[0] as number, at)
      const words = [ORLOP, 'console', 'api', '--until', 'line hello', '--timeout', '300', ...at]
      const typed = spawnSync(process.execPath, words, { input: 'hello\n', encoding: 'utf8' })
      assert.is(typed.status, 0, `${typed.stderr}${typed.stdout.slice(-1000)}`)
      does('shutdown', 'api', '--timeout', '300', ...at)
      await becomes(client, 'api', /off/)
      does('start', 'api', ...at)
      await says(client, 'api', 'ISSERVING', 2)
      assert.match(does('reboot', 'api', ...at), /^api: in shutdown/)
      await says(client, 'api', 'ISSERVING', 3)
    } finally {
      client.close()
    }
    does('down', '--machine', runtime)
    const written = readFileSync(disk).subarray(0, 512).toString().replace(/\0+$/, '')
    assert.is(written, 'written by web\n')
    const reader = withScript(system, folder, 'head -n 1 /dev/vda')
    const run = await runOrlop(['run', ...argumentsForScript(reader), '--disk', `${disk},ro`])
    assert.match(run.console, /written by web/)
  })

  test(`${runtime}: what is set for a guest is what it gets of the CPU`, async () => {
    const system = await lean()
    if (system === undefined || !isThere(runtime)) return
    const { kernel, initrd } = withScript(system, folder, SPIN)
    const name = `busy-${runtime}`
    const guest = `{ kernel: ${kernel}, initrd: ${initrd}, memory: 64M, append: "${APPEND} orlop.run=/test" }`
    const guests = `guests: { one: ${guest}, two: ${guest} }`
    up(file(`${name}.yaml`, `machine: { name: ${name}, memory: 192M }\n${guests}\n`), '--runtime', runtime)
    const client = await Client.connect(name)
    const at = ['--machine', name]
    try {
      for (const one of ['one', 'two']) await says(client, one, 'ISSPINNING')
      await sharesBecome('both the same', (share) => share > 0.5 && share < 2, at)
      does('set', 'two', '--weight', `${4 * WEIGHT_DEFAULT}`, ...at)
      await sharesBecome('four times as much for two', (share) => share > 2.5 && share < 6, at)
      does('set', 'two', '--cap', '10', ...at)
      await sharesBecome('a tenth for two', (share) => share < 0.25, at)
      does('set', 'two', '--cap', '0', '--weight', `${WEIGHT_DEFAULT}`, ...at)
      await sharesBecome('both the same again', (share) => share > 0.5 && share < 2, at)
    } finally {
      client.close()
    }
    does('down', '--timeout', '0', ...at)
  })

  test(`${runtime}: when its program dies the machine says so and is gone`, async () => {
    const system = await lean()
    if (system === undefined || !isThere(runtime)) return
    const name = `dying-${runtime}`
    const { pid } = up(
      file(`${name}.yaml`, `machine: { name: ${name}, memory: 96M }\nguests: { one: { memory: 64M } }\n`),
      '--runtime',
      runtime,
    )
    const children = execFileSync('pgrep', ['-P', `${pid}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
    assert.is(children.length, 1)
    process.kill(Number(children[0]), 'SIGKILL')
    await until('the machine is gone', () => !isAlive(pid))
    assert.match(logOf(name), new RegExp(`orlop: The machine has failed: ${runtime} has ended by SIGKILL\\.`))
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a runtime that is none, or is not there, is refused in a sentence', () => {
  const fleet = file('none.yaml', 'guests: { one: { memory: 64M } }\n')
  assert.match(refuses(['up', '--runtime', 'wasmtme', fleet]), /did you mean wasmtime\?/)
  process.env.ORLOP_WASMTIME = join(folder, 'nothing')
  assert.match(refuses(['up', '--runtime', 'wasmtime', fleet]), /which is no program/)
  delete process.env.ORLOP_WASMTIME
  assert.match(refuses(['up', '--runtime', 'node-wasi', '--cpus', '2', fleet]), /has one CPU/)
})

test('an image of another version is refused in a sentence, and nothing is left of it', async () => {
  const image = join(folder, 'other.wasm')
  writeFileSync(image, await imageThatSays(STREAM_HELLO, [STREAM_VERSION + 1, ABI_VERSION]))
  const fleet = file('other.yaml', 'machine: { name: other }\nguests: { one: { memory: 64M } }\n')
  const temporary = join(folder, 'temporary')
  mkdirSync(temporary)
  const kept = process.env.TMPDIR
  process.env.TMPDIR = temporary
  const words = ['up', '--detach', '--json', '--runtime', 'node-wasi', '--image', image, fleet]
  const { status, stdout, stderr } = orlop(words)
  if (kept === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = kept
  assert.match(stderr, /^orlop: "one": The image is of another version of Orlop; [^\n]*\.\n$/)
  assert.is(status, 1)
  await until('the machine is gone', () => !isAlive(JSON.parse(stdout).pid))
  assert.equal(readdirSync(temporary), [])
})

test.after(cleanUp)

test.run()
