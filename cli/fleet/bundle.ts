// A fleet as a boot folder has it, and what of the fleet it cannot have.

import { parseIp4, parseMac } from '../../host-shim/addresses.ts'
import type { NicSpec } from '../../host-shim/guest-spec.ts'
import type { BundledGuest, BundledMachine } from '../../host-shim/node/bundle.ts'
import { OrlopError } from '../error.ts'
import { networkOptions } from '../machine/network-options.ts'
import type { Fleet, GuestPlan, NetworkPlan, NicPlan } from './plan.ts'
import { showPublish } from './publish.ts'

export interface BundlePlan {
  machine: BundledMachine
  /** What is otherwise than the fleet file says, a sentence each. */
  warnings: string[]
}

/** Throws OrlopError for a fleet of which nothing would run. */
export function planBundle({ machine, networks: all, guests: plans, publish }: Fleet): BundlePlan {
  const guests = plans.filter(({ autostart }) => autostart)
  if (guests.length === 0) {
    throw new OrlopError('No guest of this fleet starts with the machine, so there is nothing to bundle.')
  }
  const networks = all.filter(({ name }) => guests.some(({ nets }) => nets.some(({ network }) => network === name)))
  const numbers = new Map(networks.map(({ name }, number) => [name, number]))
  const warnings = plans
    .filter(({ autostart }) => !autostart)
    .map(({ name }) => `"${name}" does not start with the machine, so it is left out.`)
  for (const { name, uplink } of networks.filter(leads)) {
    warnings.push(`"${name}" leads nowhere in the bundle (uplink ${wordFor(uplink)}); its guests reach each other.`)
  }
  for (const plan of publish) warnings.push(`The port ${showPublish(plan)} is not published by the bundle.`)
  if (machine.cpus !== undefined && machine.cpus > 1) warnings.push('The bundle has one CPU.')
  return {
    machine: {
      guests: guests.map((plan) => guestOf(plan, numbers)),
      networks: networks.map((plan) => ({ ...networkOptions(plan), uplink: undefined })),
    },
    warnings,
  }
}

function leads({ uplink }: NetworkPlan): boolean {
  return uplink !== 'none'
}

function wordFor(uplink: NetworkPlan['uplink']): string {
  return typeof uplink === 'string' ? uplink : (Object.keys(uplink)[0] as string)
}

function guestOf(plan: GuestPlan, numbers: ReadonlyMap<string, number>): BundledGuest {
  const { name, memoryBytes, harts, kernel, initrd, firmware, commandLine, disks, translator, settings } = plan
  const reactions = [
    ['poweroff', plan.onPoweroff],
    ['reset', plan.onReset],
    ['crash', plan.onCrash],
  ] as const
  return {
    ...{ name, ramBytes: memoryBytes, harts, kernel, initrd, firmware, commandLine, disks, translator, settings },
    nets: plan.nets.map((nic) => nicOf(nic, numbers)),
    restarts: reactions.filter(([, reaction]) => reaction === 'restart').map(([when]) => when),
  }
}

function nicOf({ network, mac, address, ...more }: NicPlan, numbers: ReadonlyMap<string, number>): NicSpec {
  return {
    ...more,
    network: numbers.get(network) as number,
    mac: parseMac(mac) as Uint8Array,
    ...(address === undefined ? {} : { ip4: parseIp4(address) as number }),
  }
}
