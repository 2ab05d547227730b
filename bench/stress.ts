// What a guest can do to its neighbours: the cases of the isolation benchmark, each as something that is begun and ended.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { truncateSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { GuestOptions, RunningGuest, RunningMachine } from '../host-shim/node/main.ts'
import { GUEST_RUNNING } from '../hypervisor/abi.ts'
import { assemble } from '../test/support/asm.ts'
import { keep, kill } from './children.ts'
import type { System } from './engines.ts'
import { scratchFile } from './scratch.ts'
import { TENANT_BYTES, Tenant } from './tenants.ts'

/** Where a case takes place. */
export interface Stage {
  machine: RunningMachine
  system: System
  /** A folder for disks. */
  folder: string
}

/** A bad guest at work. */
export interface Act {
  /** The guest; undefined: it is another one all the time. */
  guest?: RunningGuest
  /** It is paused, and shall be so. */
  isPaused?: boolean
  /** Ends all that is not the guest itself; what it gives are ns that the guest's stops have taken, if it has done any. */
  end(): Promise<number[]>
}

export interface Stress {
  name: string
  begin(stage: Stage): Promise<Act>
}

/** Programs for the tenants' system that the cases need. */
export const STRESS_PROGRAMS = ['hog', 'membomb', 'forkbomb', 'diskhog', 'netflood']

const HARTS = 8
const LONG = `${24 * 3600}`
const BARE_BYTES = 32 * 2 ** 20
/** What the hostile programs expect (test/boot/programs.ts). */
const HOSTILE_BYTES = 16 * 2 ** 20
/** More than the machine has left beside what is promised to the others. */
const BOMB_BYTES = 5 * TENANT_BYTES
const DISK_BYTES = 64 * 2 ** 20
/** A restarted guest lives for so long. */
const LIFE_MS = 50
const KERNEL_BASE = 0x8020_0000

/** HOW of programs/isolation/storm.c. */
const STORM = { mmio: 0, timer: 1, ipi: 2, fence: 3, code: 4, touch: 5 }

export const STRESSES: Stress[] = [
  linux('cpu-hog', ['/hog', `${HARTS}`, LONG], { harts: HARTS }),
  linux('memory-bomb', ['/membomb'], { ramBytes: BOMB_BYTES }),
  linux('fork-bomb', ['/forkbomb'], { harts: HARTS }),
  { name: 'disk-hog', begin: hogDisk },
  { name: 'net-send', begin: (stage) => withCable(stage, 'sink', ['/netflood', 'send']) },
  { name: 'net-receive', begin: (stage) => withCable(stage, 'flood', ['/netflood', 'take']) },
  { name: 'host-flood', begin: floodHost },
  storm('mmio-storm', STORM.mmio),
  storm('timer-storm', STORM.timer),
  storm('ipi-storm', STORM.ipi),
  storm('fence-storm', STORM.fence),
  storm('code-storm', STORM.code),
  linux('console-flood', ['/busybox', 'yes', 'y'.repeat(100)]),
  { ...storm('balloon-refusal', STORM.touch), begin: refuseBalloon },
  { name: 'restart-loop', begin: restart },
  { name: 'paused-flood', begin: floodPaused },
  hostile('wild-mmio', 'mmio', 'start'),
  hostile('wild-paging', 'paging', 'start'),
  hostile('wild-code', 'code', 'start'),
  hostile('wild-calls', 'calls', 'kernel'),
  { name: 'ring-abuse', begin: abuseRings },
]

/** A Linux guest that runs a program without end. */
function linux(name: string, words: string[], options: Partial<GuestOptions> = {}): Stress {
  return {
    name,
    async begin({ machine, system }) {
      const tenant = await Tenant.start(machine, 'bad', system, options)
      tenant.send(words)
      return { guest: tenant.guest, end: nothing }
    },
  }
}

/** A bare guest that does one thing on eight harts. */
function storm(name: string, how: number): Stress {
  return {
    name,
    async begin({ machine }) {
      const tenant = await bare(machine, { kernel: stormImage(how), harts: HARTS, ramBytes: BARE_BYTES })
      await tenant.hear(/^storm$/m, 10_000)
      return { guest: tenant.guest, end: nothing }
    },
  }
}

/** A program of guests/programs/hostile without its end. */
function hostile(name: string, program: string, head: 'start' | 'kernel', options: Partial<GuestOptions> = {}): Stress {
  return {
    name,
    async begin({ machine }) {
      const image = hostileImage(program, head)
      const boot = head === 'start' ? { firmware: image } : { kernel: image }
      const tenant = await bare(machine, { ...boot, ...options, ramBytes: HOSTILE_BYTES })
      return { guest: tenant.guest, end: nothing }
    },
  }
}

async function bare(machine: RunningMachine, options: Omit<GuestOptions, 'output'>): Promise<Tenant> {
  const tenant = await Tenant.define(machine, 'bad', options)
  await tenant.guest.start()
  return tenant
}

function stormImage(how: number): string {
  const sources = ['storm.S', 'storm.c'].map((file) => own(`programs/isolation/${file}`))
  const define = { HOW: how, HARTS, MEMORY: BARE_BYTES }
  return assemble({ sources, includes: [own('../guests/programs/machine.h')], base: KERNEL_BASE, define }).flat
}

function hostileImage(program: string, head: 'start' | 'kernel'): string {
  const folder = '../guests/programs'
  const sources = [own(`${folder}/${head}.S`), own('programs/isolation/forever.c')]
  const includes = [own(`${folder}/machine.h`), own(`${folder}/hostile/${program}.c`)]
  const define = { MEMORY: HOSTILE_BYTES, PROGRAM: `"../../../guests/programs/hostile/${program}.c"` }
  if (head === 'start') return assemble({ sources, includes, define }).elf
  return assemble({ sources, includes, define, base: KERNEL_BASE }).flat
}

async function hogDisk({ machine, system, folder }: Stage): Promise<Act> {
  const tenant = await Tenant.start(machine, 'bad', system, { disks: [{ path: blank(folder) }] })
  tenant.send(['/diskhog'])
  return { guest: tenant.guest, end: nothing }
}

async function abuseRings(stage: Stage): Promise<Act> {
  const disks = [{ path: blank(stage.folder) }]
  const network = await stage.machine.defineNetwork({ uplink: 'loopback' })
  return hostile('ring-abuse', 'queues', 'start', { disks, nets: [{ network }] }).begin(stage)
}

function blank(folder: string): string {
  const path = `${folder}/disk`
  writeFileSync(path, '')
  truncateSync(path, DISK_BYTES)
  return path
}

/** A guest whose network cable leads to a process of the host. */
async function withCable({ machine, system }: Stage, how: 'sink' | 'flood', words: string[]): Promise<Act> {
  const { path, child } = await startFlood(how)
  const network = await machine.defineNetwork({ uplink: { stream: { path } } })
  const tenant = await Tenant.start(machine, 'bad', system, { nets: [{ network }] })
  tenant.send(words)
  const end = async () => {
    kill(child)
    return []
  }
  return { guest: tenant.guest, end }
}

async function startFlood(how: 'sink' | 'flood'): Promise<{ path: string; child: ChildProcess }> {
  const path = scratchFile('cable')
  const child = keep(fork(own('flood.ts'), [how, path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
  await once(child, 'message')
  return { path, child }
}

/**
 * A plain hog, while the flood of `net-receive` comes to this process and to no guest: what is lost then is lost to the load of
 * the host's other processors, and a guest that is flooded need not do better.
 */
async function floodHost(stage: Stage): Promise<Act> {
  const { path, child } = await startFlood('flood')
  const socket = connect(path)
  socket.on('error', () => socket.destroy())
  socket.resume()
  const tenant = await Tenant.start(stage.machine, 'bad', stage.system, { harts: HARTS })
  tenant.send(['/hog', `${HARTS}`, LONG])
  const end = async () => {
    kill(child)
    socket.destroy()
    return []
  }
  return { guest: tenant.guest, end }
}

/** It is asked for half of its memory, has no driver that hears of it, and touches all of it. */
async function refuseBalloon({ machine }: Stage): Promise<Act> {
  const settings = { targetBytes: BARE_BYTES / 2 }
  const tenant = await bare(machine, { kernel: stormImage(STORM.touch), harts: HARTS, ramBytes: BARE_BYTES, settings })
  await tenant.hear(/^storm$/m, 10_000)
  return { guest: tenant.guest, end: nothing }
}

/** A guest that is made, started, stopped and removed, again and again. */
async function restart({ machine, system }: Stage): Promise<Act> {
  let isOver = false
  const stops: number[] = []
  const { kernel, initrd, append: commandLine } = system
  const loop = async () => {
    while (!isOver) {
      const tenant = await Tenant.define(machine, 'bad', { kernel, initrd, commandLine, ramBytes: TENANT_BYTES })
      await tenant.guest.start()
      await sleep(LIFE_MS)
      const begin = performance.now()
      await tenant.guest.stop()
      stops.push((performance.now() - begin) * 1e6)
      await tenant.guest.remove()
    }
  }
  const running = loop()
  running.catch(() => {})
  const end = async () => {
    isOver = true
    await running
    return stops
  }
  return { end }
}

/** A paused guest gets frames and console input without end. */
async function floodPaused(stage: Stage): Promise<Act> {
  const { guest, end: endCable } = await withCable(stage, 'flood', ['/netflood', 'take'])
  const paused = guest as RunningGuest
  await sleep(200)
  await paused.pause()
  let isOver = false
  const words = Buffer.alloc(4096, 'flood ')
  const type = async () => {
    // With its ring full, somebody who can't wait tries again.
    while (!isOver) if (paused.input(words) === 0) await sleep(1)
  }
  const typing = type()
  typing.catch(() => {})
  const end = async () => {
    isOver = true
    await typing
    return endCable()
  }
  return { guest: paused, isPaused: true, end }
}

/** Whether the guest still runs: some end by their own doing. */
export async function isAlive(guest: RunningGuest): Promise<boolean> {
  return (await guest.state()).state === GUEST_RUNNING
}

async function nothing(): Promise<number[]> {
  return []
}

function own(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
