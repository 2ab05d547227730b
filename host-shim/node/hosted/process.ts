// The process of one guest: a machine with nothing else on it, told what to do over a channel. Its networks are wires to sockets of
// the host, and the host's scheduler decides when it runs.

import { rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { MachineError } from '../../error.ts'
import { type RunningGuest, type RunningMachine, startMachine } from '../main.ts'
import type { NicOptions } from '../options.ts'
import { Channel } from './channel.ts'
import { type Asks, CHANNEL_FD, type HostedNic, type HostedOptions, type Order, type Report } from './protocol.ts'

/** How long an end may take, whatever happens. */
const END_MS = 10_000

let machine: RunningMachine | undefined
let guest: RunningGuest | undefined
/** Where the sockets of its wires are: a folder of its own, if it has any. */
const [, , folder] = process.argv
/** Fulfils the promise that holds the console's output back. */
let goOn: (() => void) | undefined
let inputs: Promise<void> = Promise.resolve()
/** Nobody reads what is typed any more. */
let hasEnded = false
let isLeaving = false

const channel = new Channel(new Socket({ fd: CHANNEL_FD, readable: true, writable: true }), {
  hear: (order) => void carryOut(order as Order),
  refuse: () => undefined,
  close: leave,
})

function tell(report: Report): void {
  channel.send(report)
}

function theGuest(): RunningGuest {
  if (guest === undefined) throw new Error('There is no guest yet.')
  return guest
}

const ASKS: { [Name in keyof Asks]: (...args: Asks[Name]['args']) => Promise<Asks[Name]['answer']> } = {
  define,
  start: () => theGuest().start(),
  pause: () => theGuest().pause(),
  resume: () => theGuest().resume(),
  press: () => theGuest().press(),
  stop: () => theGuest().stop(),
  set: (settings) => theGuest().set(settings),
  stats: async () => ({ guest: await theGuest().stats(), machine: await (machine as RunningMachine).stats() }),
  end: async () => machine?.stop(),
}

async function define({ machine: options, guest: plan, nics }: HostedOptions): Promise<void> {
  const warn = (text: string) => tell({ kind: 'warning', text })
  const made = startMachine({ ...options, warn })
  machine = made
  made.ended.catch((error: Error) => tell({ kind: 'failed', message: error.message }))
  const nets: NicOptions[] = []
  for (const nic of nics) nets.push(await wireOf(made, nic, warn))
  guest = await made.define({
    ...plan,
    nets,
    warn,
    output: (bytes) => {
      // Without an owner nobody will ever say that it may go on.
      if (!channel.isOpen) return
      return new Promise((fulfil) => {
        goOn = fulfil
        tell({ kind: 'output', bytes })
      })
    },
  })
  guest.ended.then(
    (ending) => {
      hasEnded = true
      tell({ kind: 'ended', ending })
    },
    () => {
      hasEnded = true
    },
  )
}

/** A network that is nothing but a wire. Who may send what, and in which VLAN, is decided at its other end. */
async function wireOf(on: RunningMachine, { path, mtu, mac }: HostedNic, warn: (text: string) => void) {
  const network = await on.defineNetwork({ uplink: { stream: { path } }, offload: true, mtu, warn })
  return { network, mac, vlan: 'trunk' as const, trusted: true }
}

async function carryOut(order: Order): Promise<void> {
  if (order.kind === 'more') goOn?.()
  else if (order.kind === 'input') inputs = inputs.then(() => type(order.bytes))
  else {
    try {
      const ask = ASKS[order.name] as (...args: unknown[]) => Promise<unknown>
      tell({ kind: 'answer', id: order.id, value: await ask(...order.args) })
    } catch (error) {
      const code = error instanceof MachineError ? error.code : undefined
      tell({ kind: 'refusal', id: order.id, code, message: (error as Error).message })
    }
    if (order.name === 'end') leave()
  }
}

/** Types all of it, as fast as the guest reads. */
async function type(bytes: Uint8Array): Promise<void> {
  for (let left = bytes; left.length > 0 && !hasEnded; ) {
    const taken = theGuest().input(left)
    left = left.subarray(taken)
    tell({ kind: 'taken', bytes: taken })
    if (left.length > 0) await theGuest().room()
  }
}

/** In order, or because whoever had it has died: the guest loses its power, as with a machine, and nobody else cleans up. */
function leave(): void {
  if (isLeaving) return
  isLeaving = true
  channel.end()
  setTimeout(() => process.exit(1), END_MS).unref()
  goOn?.()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  void Promise.resolve(machine?.stop()).then(
    () => process.exit(0),
    () => process.exit(1),
  )
}

// The terminal's Ctrl-C goes to all processes, but only the one that the user talks to decides what it means.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
