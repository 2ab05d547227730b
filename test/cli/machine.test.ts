// A running machine as its user meets it: every verb against real guests, what it answers, and what it refuses.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GuestSample, MachineSample } from '../../cli/machine/sample.ts'
import { requireTool } from '../support/tools.ts'
import { becomes, Client, cleanUp, does, file, json, logOf, refuses, socketOf, until, up } from './lab.ts'
import { ORLOP, orlop, Run, talker } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

const fleet = () =>
  file(
    'lab.yaml',
    `machine: { cpus: 2, memory: 128M }
guests:
  alpha: { firmware: ${talker().elf}, memory: 4M }
  alpine: { firmware: ${talker().elf}, memory: 4M, weight: 512, on_reset: stop }
  lazy: { firmware: ${talker().elf}, memory: 4M, autostart: false, on_poweroff: restart }
`,
  )

interface Guests {
  guests: GuestSample[]
}
const states = () => json<Guests>('list').guests.map(({ name, state }) => `${name}: ${state}`)
/** Types into a guest and leaves when it has answered. */
const types = (guest: string, keys: string, answer: string) =>
  orlop(['console', guest, '--until', answer, '--timeout', '180'], keys)

when('a machine in the background answers as soon as "up --detach" returns, on a socket of its owner alone', () => {
  const { machine, pid } = up(fleet())
  assert.is(machine, 'lab')
  process.kill(pid, 0)
  const socket = socketOf('lab')
  assert.is(statSync(socket).mode & 0o777, 0o600)
  assert.ok(statSync(socket).isSocket())
  assert.is(statSync(dirname(socket)).mode & 0o777, 0o700)
  assert.equal(json('list', '--machines'), { machines: ['lab'] })
  assert.match(logOf('lab'), /alpha: running \(booted\)/)
})

when('list and info show guests and the machine', () => {
  const { guests } = json<Guests>('list')
  assert.equal(
    guests.map(({ id, name, weight, harts, memoryBytes }) => [id, name, weight, harts, memoryBytes]),
    [
      [1, 'alpha', 256, 1, 4194304],
      [2, 'alpine', 512, 1, 4194304],
      [3, 'lazy', 256, 1, 4194304],
    ],
  )
  assert.equal(states(), ['alpha: running', 'alpine: running', 'lazy: shut off'])
  assert.match(does('list'), /^ID {2}NAME .*\n 1 {2}alpha {3}running .*\n[\s\S]* 3 {2}lazy +shut off +never started/)
  const { machine } = json<{ machine: MachineSample & { guests: number } }>('info')
  assert.equal([machine.name, machine.cpus, machine.guests], ['lab', 2, 3])
  assert.ok(machine.memoryBytes >= 128 * 2 ** 20)
  assert.ok(machine.usedBytes > 0 && machine.usedBytes < machine.memoryBytes)
  const info = json<{ guest: GuestSample; plan: { firmware: string; onReset: string } }>('info', 'alpine')
  assert.equal([info.guest.name, info.plan.onReset, info.plan.firmware], ['alpine', 'stop', talker().elf])
  assert.match(does('info', 'alpine'), /^id +2\nname +alpine\nstate +running/)
  assert.match(does('info'), /^machine +lab\n/)
})

when('a guest is named by its id, its name, or an unambiguous beginning of it', () => {
  for (const word of ['3', 'lazy', 'l']) {
    assert.is(json<{ guest: GuestSample }>('info', word).guest.name, 'lazy')
  }
  assert.match(refuses(['info', 'al']), /"al" could be alpha or alpine; write more/)
  assert.match(refuses(['info', 'alpah']), /no guest "alpah"; did you mean alpha\?/)
  assert.match(refuses(['info', '9']), /no guest with the id 9; "orlop list"/)
  assert.match(refuses(['info', 'a', 'b']), /takes one guest; "b" is too much/)
  assert.match(refuses(['start']), /Name the guest: "orlop start GUEST"/)
  assert.match(refuses(['list', 'alpha']), /takes no guest/)
})

when('pause, unpause, reset, poweroff and start lead from state to state, and the rest is refused', () => {
  assert.match(does('pause', 'alpha'), /^alpha: paused \(by a user\)\n$/)
  assert.match(refuses(['pause', 'alpha']), /"alpha" is paused already; "orlop unpause alpha" goes on/)
  assert.match(refuses(['start', 'alpha']), /"alpha" is paused; type "orlop unpause alpha"/)
  assert.match(refuses(['shutdown', 'alpha']), /"alpha" is paused; type "orlop unpause alpha" first/)
  const { guests } = json<Guests>('unpause', 'alpha')
  assert.equal([guests[0]?.name, guests[0]?.state, guests[0]?.reason], ['alpha', 'running', 'unpaused'])
  assert.match(refuses(['unpause', 'alpha']), /"alpha" is not paused/)
  assert.match(refuses(['start', 'alpha']), /"alpha" is running already; "orlop reset alpha"/)
  does('reset', 'alpha')
  assert.match(does('poweroff', 'alpha', 'alpine'), /alpha: shut off .*\nalpine: shut off/)
  assert.match(refuses(['poweroff', 'alpha']), /"alpha" is shut off already/)
  for (const verb of ['pause', 'unpause', 'reset', 'shutdown', 'reboot']) {
    assert.match(refuses([verb, 'alpha']), /"alpha" is shut off and cannot be .*; type "orlop start alpha" first/)
  }
  does('start', 'alpha', 'alpine')
  assert.equal(states().slice(0, 2), ['alpha: running', 'alpine: running'])
})

when('a guest that nothing makes listen to its power key says so, and --force does without', () => {
  assert.match(
    refuses(['shutdown', 'alpha'], 1),
    /has nothing that listens to its power key; type "orlop poweroff alpha"/,
  )
  assert.match(refuses(['reboot', 'alpha'], 1), /type "orlop reset alpha"/)
  assert.match(does('shutdown', '--timeout', '5', '--force', 'alpha'), /alpha: shut off/)
  does('start', 'alpha')
})

when('a guest that ends of itself comes to what the fleet says', async () => {
  const client = await Client.connect('lab')
  assert.is(types('alpha', 'a', '[a]').status, 0)
  const obeys = (guest: string, letter: string) =>
    client.request('input', { guest, bytes: Buffer.from(letter).toString('base64') })
  await obeys('alpha', 'q')
  await becomes(client, 'alpha', /shut off/)
  assert.is(json<{ guest: GuestSample }>('info', 'alpha').guest.reason, 'powered itself off')
  does('start', 'alpha')
  await obeys('alpha', 'p')
  await becomes(client, 'alpha', /crashed/)
  assert.is(json<{ guest: GuestSample }>('info', 'alpha').guest.reason, 'panicked')
  does('start', 'alpha')
  await obeys('alpine', 'r')
  await becomes(client, 'alpine', /shut off/)
  assert.is(json<{ guest: GuestSample }>('info', 'alpine').guest.reason, 'asked for a reset')
  does('start', 'alpine')
  // on_reset and on_poweroff: restart
  const boots = () =>
    logOf('lab').match(/^.*(alpha: running \(reset itself\)|lazy: running \(restarted\))$/gm)?.length ?? 0
  await obeys('alpha', 'r')
  await until('alpha has reset itself', () => boots() === 1)
  does('start', 'lazy')
  await obeys('lazy', 'q')
  await until('lazy was restarted', () => boots() === 2)
  does('poweroff', 'lazy')
  client.close()
})

when('a guest that sleeps is idle', async () => {
  const client = await Client.connect('lab')
  await client.request('input', { guest: 'alpha', bytes: Buffer.from('s').toString('base64') })
  await becomes(client, 'alpha', /idle/)
  assert.match(does('list'), /alpha +idle/)
  does('reset', 'alpha')
  client.close()
})

when('set changes what a guest may use, at once and for its next start, and refuses wrong values', () => {
  const words = ['--weight', '1000', '--cap', '50%', '--disk-bandwidth', '10M', '--sharing', 'off', '--guarantee', '1M']
  assert.match(does('set', ...words, 'alpha'), /^alpha: /)
  const settings = () => json<{ plan: { settings: unknown } }>('info', 'alpha').plan.settings
  const wanted = { weight: 1000, cap: 50, blockBytes: 10485760, sharing: false, guaranteeBytes: 1048576 }
  assert.equal(settings(), wanted)
  assert.match(does('info', 'alpha'), /\ncap +50 %\nguarantee +1 MiB\n/)
  does('reset', 'alpha')
  assert.equal(settings(), wanted)
  assert.is(json<Guests>('list').guests[0]?.weight, 1000)
  for (const [flags, sentence] of [
    [['--weight', '0'], /--weight must be a whole number from 1 to 65535, not 0/],
    [['--weight', 'big'], /--weight must be a whole number from 1 to 65535, not "big"/],
    [['--cap', '900'], /--cap must be a number from 0 to 800/],
    [['--guarantee', '5'], /--guarantee: "5" has no unit/],
    [['--memory', '1G'], /"alpha" was made with less memory than that/],
    [['--sharing', 'maybe'], /--sharing: "maybe" is neither on nor off/],
    [['--shares', '5'], /"orlop set" knows no --shares/],
    [[], /Say what to set, for example --weight 512/],
  ] as const) {
    assert.match(refuses(['set', ...flags, 'alpha']), sentence)
  }
  assert.equal(settings(), wanted)
  does('set', '--weight', '256', '--cap', '0', '--guarantee', '0', 'alpha')
})

when('stats, top and events tell the same to people and to programs', () => {
  const { guests } = json<{ guests: { guest: GuestSample; counters: Record<string, number> | null }[] }>(
    'stats',
    'alpha',
    'lazy',
  )
  assert.ok((guests[0]?.counters?.instructions ?? 0) > 0)
  assert.ok((guests[0]?.counters?.framesTouched ?? 0) > 0)
  assert.is(guests[1]?.counters, null)
  assert.match(does('stats', 'alpha'), /^alpha: running .*\n {2}instructions +[\d,]+\n/)

  const looks = does('top', '--json', '--count', '2', '--interval', '0.3').trimEnd().split('\n')
  assert.is(looks.length, 2)
  for (const look of looks.map((line) => JSON.parse(line))) {
    assert.equal(Object.keys(look), ['machine', 'guests'])
    assert.is(look.guests[0].name, 'alpha')
    for (const key of [
      'cpuPercent',
      'stealPercent',
      'usedBytes',
      'diskReadBytes',
      'diskWrittenBytes',
      'netSentBytes',
    ]) {
      assert.type(look.guests[0][key], 'number')
    }
    assert.ok(look.machine.busyPercent > 0 && look.machine.busyPercent <= 100)
  }
  const table = does('top', '--count', '1', '--interval', '0.3').split('\n')
  assert.match(table[0], /^lab: 2 CPUs [\d.]+ % busy, memory .* of .*, up 0:0\d:\d\d$/)
  assert.match(table[1], /^ID +NAME +STATE +HARTS +WEIGHT +CPU % +STEAL % +MEMORY +DISK R\/W +NET IN\/OUT$/)
  assert.match(table[2], /^ 1 +alpha +running +1 +256 +[\d.]+ +[\d.]+ +\S+\/4\.0M +0\/0 +0\/0$/)

  const events = does('events', '--json').trimEnd().split('\n')
  const [first] = events.map((line) => JSON.parse(line))
  assert.equal([first.number, first.guest, first.what], [1, 'alpha', 'defined'])
  assert.match(first.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.is(does('events', '--last', '2').trimEnd().split('\n').length, 2)
  assert.match(does('events'), /^\d\d:\d\d:\d\d {2}alpha: defined\n/)
  assert.match(refuses(['events', '--last', 'few']), /no number of events/)
  assert.match(refuses(['top', '--count', '0']), /no number of looks/)
  assert.match(refuses(['top', '--interval', 'x']), /is no time/)
})

when('events --follow shows what happens, and ends with the machine', async () => {
  const run = new Run(['events', '--follow', '--json', '--last', '0'])
  await until('it watches', async () => {
    does('set', '--weight', '300', 'alpine')
    return run.stdout.includes('\n')
  })
  const event = JSON.parse(run.stdout.split('\n')[0] as string)
  assert.equal([event.guest, event.what, event.reason], ['alpine', 'set', 'weight'])
  run.child.kill()
  await run.ended
})

when('define adds guests to a running machine, and rm takes them away', () => {
  const more = file('more.yaml', `guests: { late: { firmware: ${talker().elf}, memory: 2M, count: 2 } }`)
  const defined = json<Guests>('define', more).guests
  assert.equal(
    defined.map(({ name, state }) => [name, state]),
    [
      ['late-1', 'shut off'],
      ['late-2', 'shut off'],
    ],
  )
  assert.match(refuses(['define', more]), /There is a guest "late-1" already; remove it with "orlop rm late-1"/)
  assert.match(
    refuses(['define', file('bad.yaml', 'guests: { x: { mem: 1G } }')]),
    /bad.yaml:1: There is no field "mem"/,
  )
  does('start', 'late-1')
  assert.match(refuses(['rm', 'late-1']), /"late-1" is running; shut it down first, or type "orlop rm --force late-1"/)
  assert.equal(json('rm', 'late-2'), {
    guests: [{ id: (defined[1] as GuestSample).id, name: 'late-2', state: 'removed' }],
  })
  assert.match(does('rm', '--force', 'late-1'), /^late-1: removed\n$/)
  assert.match(refuses(['start', 'late-1']), /There is no guest "late-1"/)
})

when('a guest that cannot be made is refused as such, and harms nobody', () => {
  const gone = file('gone.yaml', 'guests: { ghost: { firmware: nothing.elf, memory: 2M } }')
  does('define', gone)
  assert.match(refuses(['start', 'ghost']), /The firmware \S*nothing.elf does not exist/)
  assert.ok(states().includes('ghost: shut off'))
  does('rm', 'ghost')
  writeFileSync(`${dirname(gone)}/empty.elf`, '')
  does('define', file('empty.yaml', 'guests: { ghost: { firmware: empty.elf, memory: 2M } }'))
  assert.match(refuses(['start', 'ghost']), /empty.elf is empty/)
  does('rm', 'ghost')
})

when('a second machine of the same name is refused; with another name there are two to choose from', () => {
  const second = orlop(['up', fleet()])
  assert.is(second.status, 2)
  assert.match(
    second.stderr,
    /^orlop: A machine "lab" is running already; give another name with --name, or type "orlop down"\.\n$/,
  )
  up(fleet(), '--name', 'other', '--cpus', '1', '--memory', '64M')
  assert.match(refuses(['list']), /Several machines are running; say which one with --machine: lab, other/)
  assert.is(json<{ machine: MachineSample }>('info', '--machine', 'other').machine.cpus, 1)
  assert.match(refuses(['list', '--machine', 'othr'], 1), /No machine "othr" is running; did you mean other\?/)
  assert.match(does('down', '--machine', 'other'), /^other: down\n$/)
  assert.is(existsSync(socketOf('other')), false)
})

when('the socket of a machine that died is not in the way', async () => {
  const { pid } = up(fleet(), '--name', 'doomed')
  process.kill(pid, 'SIGKILL')
  await until('it is dead', () => {
    try {
      process.kill(pid, 0)
      return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
    } catch {
      return true
    }
  })
  assert.ok(existsSync(socketOf('doomed')))
  assert.match(refuses(['list', '--machine', 'doomed'], 1), /No machine "doomed" is running/)
  assert.is(existsSync(socketOf('doomed')), false)
  up(fleet(), '--name', 'doomed')
  does('down', '--timeout', '0', '--machine', 'doomed')
})

when('up tells at once what is wrong with its words, its file, or its guests', () => {
  assert.match(refuses(['up']), /Give a fleet file/)
  assert.match(refuses(['up', 'none.yaml']), /The fleet file none.yaml does not exist/)
  assert.match(refuses(['up', '--cpus', '17', fleet()]), /--cpus: "17" is no number of CPUs/)
  assert.match(refuses(['up', '--name', '12', fleet()]), /--name: "12" is no name/)
  assert.match(refuses(['up', '--memory', '64', fleet()]), /--memory: "64" has no unit/)
  const odd = file(
    'odd.yaml',
    `guests:\n  good: { firmware: ${talker().elf}, memory: 2M }\n  bad: { firmware: nope, memory: 2M }\n`,
  )
  const { status, stdout, stderr } = orlop(['up', '--detach', '--json', odd])
  assert.is(status, 1)
  assert.match(stderr, /^orlop: .*nope does not exist/)
  assert.is(JSON.parse(stdout).failures.length, 1)
  assert.equal(
    json<Guests>('list', '--machine', 'odd').guests.map(({ state }) => state !== 'shut off'),
    [true, false],
  )
  does('down', '--machine', 'odd')
})

when('in the foreground up says what happens, line by line, and a signal brings it down in order', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const run = new Run(['up', '--name', 'front', fleet()])
    await run.shows('alpine: running (booted)')
    assert.match(run.stdout, /^front: up, "orlop down" ends it\n/)
    run.child.kill(signal)
    assert.is(await run.ended, 0)
    assert.match(run.stdout, /machine: going down\n[\s\S]*alpha: shut off \(powered off with the machine\)\n/)
    assert.is(run.stderr, '')
    assert.is(existsSync(socketOf('front')), false)
  }
})

when('down ends the machine with all its guests, and then there is none', () => {
  assert.equal(json('down'), { machine: 'lab', state: 'down' })
  assert.is(existsSync(socketOf('lab')), false)
  for (const verb of ['list', 'down', 'top', 'events']) {
    assert.match(refuses([verb], 1), /^orlop: No machine is running; type "orlop up FLEET.yaml" to start one\.\n$/)
  }
  assert.match(refuses(['list', '--machine', 'lab'], 1), /No machine "lab" is running, nor any other/)
})

test('every verb has a help text that begins with its usage', () => {
  const verbs = [...orlop(['--help']).stdout.matchAll(/^ {2}([a-z][a-z-]+) {2,}[a-z]/gm)].map(
    ([, verb]) => verb as string,
  )
  for (const verb of [
    'up',
    'list',
    'info',
    'start',
    'shutdown',
    'poweroff',
    'reboot',
    'reset',
    'pause',
    'unpause',
    'rm',
  ]) {
    assert.ok(verbs.includes(verb), verb)
  }
  for (const verb of ['console', 'set', 'stats', 'top', 'events', 'down', 'define'])
    assert.ok(verbs.includes(verb), verb)
  for (const verb of verbs) {
    const { status, stdout } = orlop([verb, '--help'])
    assert.is(status, 0)
    assert.match(stdout, new RegExp(`^Usage: orlop ${verb}\\b`))
    assert.is(orlop(['help', verb]).stdout, stdout)
  }
})

test('words that mean different things to different tools are refused with all that they could mean', () => {
  for (const [word, verbs] of [
    ['destroy', ['poweroff', 'rm']],
    ['delete', ['rm']],
    ['stop', ['shutdown', 'poweroff', 'down']],
    ['kill', ['poweroff', 'down']],
    ['suspend', ['pause']],
    ['resume', ['unpause', 'start']],
    ['create', ['define', 'up', 'run']],
  ] as const) {
    const { status, stderr } = orlop([word, 'web'])
    assert.is(status, 2)
    assert.match(stderr, new RegExp(`^orlop: "${word}" means different things to different tools\\. To `))
    for (const verb of verbs) assert.ok(stderr.includes(`"orlop ${verb}`), `${word}: ${verb}`)
  }
  assert.match(orlop(['ls']).stderr, /There is no verb "ls"; did you mean "orlop list"\?/)
  assert.match(orlop(['puase']).stderr, /There is no verb "puase"; did you mean "orlop pause"\?/)
  assert.ok(existsSync(ORLOP))
})

test.after(cleanUp)
test.run()
