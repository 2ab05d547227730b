// What may be changed of a guest while it runs: the fields of a fleet file, the flags of `orlop set`, and their limits.

import { WEIGHT_DEFAULT } from '../../hypervisor/abi.ts'
import { RAM_MAX } from '../../host-shim/machine.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import { OrlopError } from '../error.ts'
import { flag, number, type Shape, size } from '../shape.ts'
import { parseSize, showSize } from '../size.ts'

export type Setting = keyof GuestSettings

export interface Knob {
  setting: Setting
  /** Name of the flag of `orlop set`. */
  flag: string
  /** Where a fleet file has it; undefined: a file cannot say it. */
  field?: string[]
  kind: 'whole' | 'percent' | 'size' | 'switch'
  least: number
  most: number
  what: string
}

/** Most of the machine's CPUs that one guest could have: MAX_HARTS of them, in percent. */
const ALL_CPUS = 800
/** A rate beyond this is none. */
const RATE_MAX = 2 ** 40
const COUNT_MAX = 1e9

const rate = (setting: Setting, name: string, field: string[], what: string): Knob => ({
  setting,
  flag: name,
  field: ['limits', ...field],
  kind: setting.endsWith('Bytes') ? 'size' : 'whole',
  least: 0,
  most: setting.endsWith('Bytes') ? RATE_MAX : COUNT_MAX,
  what,
})

export const KNOBS: Knob[] = [
  {
    setting: 'weight',
    flag: 'weight',
    field: ['weight'],
    kind: 'whole',
    least: 1,
    most: 65535,
    what: `Share of the CPUs when they are short; default ${WEIGHT_DEFAULT}`,
  },
  {
    setting: 'cap',
    flag: 'cap',
    field: ['cap'],
    kind: 'percent',
    least: 0,
    most: ALL_CPUS,
    what: 'Most it gets, in percent of one CPU; 0 (default): no limit',
  },
  {
    setting: 'reservation',
    flag: 'reservation',
    field: ['reservation'],
    kind: 'percent',
    least: 0,
    most: ALL_CPUS,
    what: 'What it gets whenever it wants it, in percent of one CPU; default 0',
  },
  {
    setting: 'guaranteeBytes',
    flag: 'guarantee',
    field: ['guarantee'],
    kind: 'size',
    least: 0,
    most: RAM_MAX,
    what: 'RAM that is there for it whenever it touches it; default 0',
  },
  {
    setting: 'targetBytes',
    flag: 'memory',
    kind: 'size',
    least: 0,
    most: RAM_MAX,
    what: 'RAM that it shall keep; its balloon gets the rest',
  },
  {
    setting: 'sharing',
    flag: 'sharing',
    field: ['sharing'],
    kind: 'switch',
    least: 0,
    most: 1,
    what: 'Pages of it that are like others are shared with these; default true',
  },
  rate('blockBytes', 'disk-bandwidth', ['disk', 'bandwidth'], 'Bytes a second of all its disks; 0 (default): no limit'),
  rate('blockOperations', 'disk-operations', ['disk', 'operations'], 'Requests a second of all its disks; 0: no limit'),
  rate('blockBurstBytes', 'disk-burst', ['disk', 'burst'], 'Bytes that pass at once after a rest; 0: as 100 ms bring'),
  rate(
    'blockBurstOperations',
    'disk-burst-operations',
    ['disk', 'burstOperations'],
    'Requests that pass at once after a rest; 0: as 100 ms bring',
  ),
  rate('netBytes', 'net-bandwidth', ['net', 'bandwidth'], 'Bytes a second in each direction; 0 (default): no limit'),
  rate('netFrames', 'net-frames', ['net', 'frames'], 'Frames a second in each direction; 0 (default): no limit'),
  rate('netBurstBytes', 'net-burst', ['net', 'burst'], 'Bytes that pass at once after a rest; 0: as 100 ms bring'),
  rate(
    'netBurstFrames',
    'net-burst-frames',
    ['net', 'burstFrames'],
    'Frames that pass at once after a rest; 0: as 100 ms bring',
  ),
  rate('consoleBytes', 'console-bandwidth', ['console', 'bandwidth'], 'Bytes a second it can print; 0: no limit'),
  rate('consoleBurstBytes', 'console-burst', ['console', 'burst'], 'Bytes it can print at once; 0: as 100 ms bring'),
]

/** How a fleet file says it. */
export function shapeOf({ kind, what, least, most }: Knob): Shape<number | boolean> {
  if (kind === 'switch') return flag(what)
  if (kind === 'size') return size(what, least, most)
  return number(what, least, most, kind === 'whole')
}

/** What a word on the command line means: 128M, 50%, on. Throws OrlopError. */
export function parseKnob(knob: Knob, text: string): number | boolean {
  const where = `--${knob.flag}`
  if (knob.kind === 'switch') {
    if (text === 'on' || text === 'off') return text === 'on'
    throw new OrlopError(`${where}: "${text}" is neither on nor off; give one of these.`)
  }
  if (knob.kind === 'size') return checkKnob(knob, parseSize(text, where), where)
  const digits = knob.kind === 'percent' ? text.replace(/ ?%$/, '') : text
  return checkKnob(knob, /^\d+(\.\d+)?$/.test(digits) ? Number(digits) : text, where)
}

/** The value, if it is one that the knob can have; throws OrlopError otherwise. `where` begins the message. */
export function checkKnob(knob: Knob, value: unknown, where: string): number | boolean {
  const { kind, least, most } = knob
  if (kind === 'switch') {
    if (typeof value === 'boolean') return value
    throw new OrlopError(`${where}: ${JSON.stringify(value)} is neither true nor false; give one of these.`)
  }
  const fits = typeof value === 'number' && value >= least && value <= most
  if (fits && (kind === 'percent' || Number.isInteger(value))) return value
  const show = (limit: number) => (kind === 'size' ? showSize(limit) : `${limit}`)
  const what = { whole: 'a whole number', percent: 'a number', size: 'a size' }[kind]
  const given = typeof value === 'number' ? show(value) : JSON.stringify(value)
  throw new OrlopError(`${where} must be ${what} from ${show(least)} to ${show(most)}, not ${given}.`)
}

/** How people read a value of it. */
export function showKnob({ kind }: Knob, value: number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return kind === 'size' ? showSize(value) : kind === 'percent' ? `${value} %` : `${value}`
}

/** Settings as a client sent them, each checked; throws OrlopError. */
export function checkSettings(given: Record<string, unknown>): Partial<GuestSettings> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const knob = KNOBS.find(({ setting }) => setting === name)
      if (knob !== undefined) return [name, checkKnob(knob, value, `--${knob.flag}`)]
      throw new OrlopError(`There is no setting "${name}"; there are ${KNOBS.map((k) => k.setting).join(', ')}.`)
    }),
  )
}
