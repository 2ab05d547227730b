// What may be changed while a guest runs, as an object, and the calls that it takes (SET_* in hypervisor/abi.ts).

import * as abi from '../hypervisor/abi.ts'

export interface GuestSettings {
  /** Share of the CPUs when they are short, 1 … 65535. A new guest has 256. */
  weight: number
  /** Most it gets, in percent of one CPU, fractions allowed; 0: no limit. A new guest: 0. */
  cap: number
  /** What it gets whenever it wants it, in percent of one CPU. A new guest: 0. */
  reservation: number
  /** Bytes of RAM that are there for it whenever it touches them. A new guest: 0. */
  guaranteeBytes: number
  /** Bytes of RAM that it shall keep; the rest is asked back from it. A new guest: all. */
  targetBytes: number
  /** May pages of it that are like others be shared with these? A new guest: yes. */
  sharing: boolean
  /** Limits a second, 0 for none: of all its disks together, of its network ports in each direction, of its consoles. */
  blockBytes: number
  blockOperations: number
  netBytes: number
  netFrames: number
  consoleBytes: number
  /** What may pass at once beyond these rates after a rest; 0: as much as 100 ms bring. */
  blockBurstBytes: number
  blockBurstOperations: number
  netBurstBytes: number
  netBurstFrames: number
  consoleBurstBytes: number
}

const NUMBERS: Record<keyof GuestSettings, number> = {
  weight: abi.SET_WEIGHT,
  cap: abi.SET_CAP,
  reservation: abi.SET_RESERVATION,
  guaranteeBytes: abi.SET_GUARANTEE,
  targetBytes: abi.SET_TARGET,
  sharing: abi.SET_SHARING,
  blockBytes: abi.SET_BLOCK_BYTES,
  blockOperations: abi.SET_BLOCK_OPERATIONS,
  netBytes: abi.SET_NET_BYTES,
  netFrames: abi.SET_NET_FRAMES,
  consoleBytes: abi.SET_CONSOLE_BYTES,
  blockBurstBytes: abi.SET_BLOCK_BURST_BYTES,
  blockBurstOperations: abi.SET_BLOCK_BURST_OPERATIONS,
  netBurstBytes: abi.SET_NET_BURST_BYTES,
  netBurstFrames: abi.SET_NET_BURST_FRAMES,
  consoleBurstBytes: abi.SET_CONSOLE_BURST_BYTES,
}

/** One call of `guestSet`. */
export interface Setting {
  name: keyof GuestSettings
  /** SET_*. */
  what: number
  value: number
}

/** The calls that these settings take, in the order of GuestSettings; fields that are undefined take none. */
export function settingsOf(settings: Partial<GuestSettings>): Setting[] {
  const names = Object.keys(NUMBERS) as (keyof GuestSettings)[]
  return names.flatMap((name) => {
    const value = settings[name]
    return value === undefined ? [] : [{ name, what: NUMBERS[name], value: Number(value) }]
  })
}
