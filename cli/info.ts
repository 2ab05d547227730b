// `orlop info`: what a machine, or a guest of it, is made of.

import { COMMON_HELP, GUEST_HELP, guestOf, print, printJson, readAsk, withMachine } from './ask.ts'
import { KNOBS, showKnob } from './fleet/knobs.ts'
import type { GuestPlan, NicPlan } from './fleet/plan.ts'
import type { Snapshot } from './machine/machine.ts'
import type { GuestSample } from './machine/sample.ts'
import { showSize } from './size.ts'

export const help = `Usage: orlop info [GUEST]

Shows what a guest is made of and what is set for it; without a guest, the machine.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "info" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('info', args)
  const isJson = words.values.has('json')
  return withMachine(words, async (client) => {
    if (words.rest.length === 0) {
      const { machine, guests } = await client.request<Snapshot>('look')
      if (isJson) printJson({ machine: { ...machine, guests: guests.length } })
      else print(rows(describeMachine(machine, guests)))
      return 0
    }
    const reply = await client.request<{ guest: GuestSample; plan: GuestPlan }>('info', {
      guest: guestOf('info', words),
    })
    if (isJson) printJson(reply)
    else print(rows(describeGuest(reply.guest, reply.plan)))
    return 0
  })
}

type Row = [string, string]

function describeMachine(machine: Snapshot['machine'], guests: GuestSample[]): Row[] {
  const running = guests.filter(({ state }) => state !== 'shut off' && state !== 'crashed').length
  return [
    ['machine', machine.name],
    ['up', `${machine.upSeconds} s`],
    ['CPUs', `${machine.cpus}, ${machine.busyPercent} % busy`],
    ['memory', showSize(machine.memoryBytes)],
    ['used', showSize(machine.usedBytes)],
    ['promised', `${showSize(machine.promisedBytes)} that guests have not touched yet`],
    ['saved by sharing', showSize(machine.savedBytes)],
    ['guests', `${guests.length}, ${running} of them on`],
  ]
}

function describeGuest(guest: GuestSample, plan: GuestPlan): Row[] {
  const files: Row[] = (['kernel', 'initrd', 'firmware'] as const).flatMap((field): Row[] => {
    const path = plan[field]
    return path === undefined ? [] : [[field, path]]
  })
  const disks = plan.disks.map(
    ({ path, readOnly }, i): Row => [`disk ${i}`, `${path}${readOnly ? ' (read only)' : ''}`],
  )
  const settings = KNOBS.flatMap((knob): Row[] => {
    const value = plan.settings[knob.setting]
    return value === undefined ? [] : [[knob.flag, showKnob(knob, value)]]
  })
  return [
    ['id', `${guest.id}`],
    ['name', guest.name],
    ['state', `${guest.state} (${guest.reason})`],
    ['harts', `${guest.harts}`],
    ['memory', `${showSize(guest.memoryBytes)}, ${showSize(guest.usedBytes)} of it touched`],
    ...files,
    ['command line', plan.commandLine || 'none'],
    ...disks,
    ...plan.nets.map((nic, i): Row => [`net ${i}`, showNic(nic)]),
    ['translator', plan.translator],
    ['autostart', plan.autostart ? 'yes' : 'no'],
    ['on poweroff', plan.onPoweroff],
    ['on reset', plan.onReset],
    ['on crash', plan.onCrash],
    ...settings,
    ['watchers', `${guest.watchers}`],
  ]
}

function rows(of: Row[]): string {
  const width = Math.max(...of.map(([name]) => name.length))
  return of.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')
}

function showNic({ network, mac, address, vlan, isolated, trusted }: NicPlan): string {
  const more = [
    address,
    vlan === undefined ? undefined : vlan === 'trunk' ? 'all VLANs' : `VLAN ${vlan}`,
    isolated === true ? 'isolated' : undefined,
    trusted === true ? 'trusted' : undefined,
  ]
  return [network, mac, ...more.filter((word) => word !== undefined)].join(', ')
}
