// What clients can ask of a running machine, each request checked before anything is done.

import { OrlopError } from '../error.ts'
import { parseFleet } from '../fleet/file.ts'
import { checkSettings } from '../fleet/knobs.ts'
import { parsePublish } from '../fleet/publish.ts'
import { findGuest } from '../../guests/find.ts'
import type { Guest } from './guest.ts'
import type { Machine } from './machine.ts'
import type { Request } from './protocol.ts'
import type { Session } from './session.ts'
import { MAX_NETS } from '../../hypervisor/abi.ts'

/** A piece of console input. */
const INPUT_MAX_BYTES = 64 * 1024
/** The longest that a client can be kept waiting. */
const TIMEOUT_MAX_MS = 7 * 24 * 3600 * 1000

/** Ties the verbs of a machine to its sessions; `sessions` are all that are open. */
export class Requests {
  constructor(
    private readonly machine: Machine,
    private readonly sessions: Set<Session>,
  ) {}

  handle(request: Request, session: Session): Promise<unknown> {
    const verb = Object.hasOwn(VERBS, request.verb) ? VERBS[request.verb] : undefined
    if (verb === undefined) throw new OrlopError(`This machine knows no request "${request.verb}"; it may be older.`)
    return verb(new Ask(this.machine, request, session, this.sessions))
  }
}

/** A request with what it concerns. */
class Ask {
  constructor(
    readonly machine: Machine,
    private readonly request: Request,
    readonly session: Session,
    readonly sessions: Set<Session>,
  ) {}

  get guest(): Guest {
    return this.machine.find(this.text('guest'))
  }

  text(name: string): string {
    const value = this.request[name]
    if (typeof value === 'string') return value
    throw new OrlopError(`The request "${this.request.verb}" needs the text "${name}".`)
  }

  has(name: string): boolean {
    return this.request[name] !== undefined
  }

  isSet(name: string): boolean {
    const value = this.request[name] ?? false
    if (typeof value === 'boolean') return value
    throw new OrlopError(`In the request "${this.request.verb}", "${name}" must be true or false.`)
  }

  number(name: string, most: number): number | undefined {
    const value = this.request[name]
    if (value === undefined) return undefined
    if (typeof value === 'number' && value >= 0 && value <= most) return value
    throw new OrlopError(`In the request "${this.request.verb}", "${name}" must be a number from 0 to ${most}.`)
  }

  object(name: string): Record<string, unknown> {
    const value = this.request[name]
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    throw new OrlopError(`The request "${this.request.verb}" needs the object "${name}".`)
  }

  /** Does something to the guest, and tells what has become of it. */
  async change(work: (guest: Guest) => Promise<unknown>): Promise<unknown> {
    const { guest } = this
    await work(guest)
    return { guest: await this.machine.lookAt(guest) }
  }
}

const VERBS: Record<string, (ask: Ask) => Promise<unknown>> = {
  look: (ask) => ask.machine.look(),

  info: async (ask) => {
    const { guest } = ask
    return { guest: await ask.machine.lookAt(guest), plan: guest.plan }
  },

  stats: async (ask) => {
    const { guest } = ask
    const counters = await guest.stats()
    return { guest: await ask.machine.lookAt(guest), counters: counters ?? null }
  },

  start: (ask) => {
    ask.machine.refuseWhenGoingDown()
    return ask.change((guest) => guest.start())
  },
  reset: (ask) => {
    ask.machine.refuseWhenGoingDown()
    return ask.change((guest) => guest.reset())
  },
  pause: (ask) => ask.change((guest) => guest.pause()),
  unpause: (ask) => ask.change((guest) => guest.unpause()),
  poweroff: (ask) => ask.change((guest) => guest.poweroff()),

  shutdown: (ask) => {
    const timeoutMs = ask.number('timeoutMs', TIMEOUT_MAX_MS)
    const force = ask.isSet('force')
    return ask.change((guest) => shutDown(guest, timeoutMs, force))
  },
  reboot: (ask) => ask.change((guest) => guest.press(true)),

  set: (ask) => {
    const settings = checkSettings(ask.object('settings'))
    return ask.change((guest) => guest.set(settings))
  },

  define: async (ask) => {
    const { machine } = ask
    const running = { networks: machine.networks.plans(), guests: machine.all().map(({ plan }) => plan) }
    const around = { name: machine.name, running }
    const fleet = await parseFleet(ask.text('text'), ask.text('path'), findGuest, around)
    const start = ask.isSet('start')
    const defined = await machine.add(fleet)
    if (start) for (const guest of defined) await guest.start()
    return { guests: await Promise.all(defined.map((guest) => ask.machine.lookAt(guest))) }
  },

  rm: async (ask) => {
    const { guest } = ask
    const force = ask.isSet('force')
    await ask.machine.remove(guest, force)
    for (const session of ask.sessions) session.guestIsGone(guest)
    return { guest: { id: guest.id, name: guest.plan.name, state: 'removed' } }
  },

  attach: async (ask) => {
    const { guest } = ask
    ask.session.attach(guest)
    return { guest: await ask.machine.lookAt(guest), backlog: guest.console.read().toString('base64') }
  },
  detach: async (ask) => ask.session.detach(ask.guest),
  input: async (ask) => {
    const bytes = Buffer.from(ask.text('bytes'), 'base64')
    if (bytes.length > INPUT_MAX_BYTES) throw new OrlopError(`Send at most ${INPUT_MAX_BYTES} bytes of input at once.`)
    await ask.guest.input(bytes, () => ask.session.isOver)
  },

  networks: async (ask) => ({ networks: await ask.machine.lookAtNetworks() }),
  network: async (ask) => ({ network: (await ask.machine.lookAtNetworks(ask.text('network')))[0] }),
  'add-forward': async (ask) => {
    const { machine } = ask
    machine.refuseWhenGoingDown()
    const plan = parsePublish(ask.text('spec'), 'forward')
    machine.networks.checkPlace(ask.text('network'), plan, machine.find(plan.guest).plan)
    await machine.publish(plan)
  },
  'remove-forward': (ask) => ask.machine.unpublish(ask.text('network'), parsePublish(ask.text('spec'), 'forward')),
  capture: async (ask) => {
    const { session } = ask
    if (ask.has('network')) {
      const network = ask.text('network')
      return session.capture((take) => ask.machine.networks.capture(network, take))
    }
    const { guest } = ask
    const nic = ask.number('nic', MAX_NETS - 1) ?? 0
    await session.capture((take) => guest.capture(nic, take))
  },

  events: async (ask) => ({ events: ask.machine.log.last(ask.number('last', 1000)) }),
  watch: async (ask) => {
    const { log } = ask.machine
    ask.session.watch((watcher) => log.watch(watcher))
  },

  down: async (ask) => {
    // The answer is that the machine has gone: its connections end.
    void ask.machine.down(ask.number('timeoutMs', TIMEOUT_MAX_MS) ?? 0).catch(() => undefined)
    return { machine: ask.machine.name, pid: process.pid }
  },
}

async function shutDown(guest: Guest, timeoutMs: number | undefined, force: boolean): Promise<void> {
  const parting = timeoutMs === undefined ? undefined : guest.parted(timeoutMs)
  try {
    await guest.press(false, timeoutMs)
  } catch (error) {
    if (!force || !guest.isOn) throw error
    return guest.poweroff()
  }
  if ((await parting) !== 'timeout') return
  if (force) return guest.poweroff()
  const { name } = guest.plan
  throw new OrlopError(
    `"${name}" has not shut down within ${(timeoutMs as number) / 1000} s; "orlop poweroff ${name}" ends it at once.`,
    124,
  )
}
