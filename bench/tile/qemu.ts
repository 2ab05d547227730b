// One process of qemu-system-riscv64 for each guest, with the devices that it has for guests without a PCI bus.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../../cli/error.ts'
import { qemuSystem } from '../../test/support/tools.ts'
import { Daemon } from './daemon.ts'
import { SUBNET, type TileGuest } from './guests.ts'
import { type Plan, type RunningFleet, TITLES, type Variant, wordsFor } from './variant.ts'

const GATEWAY = `${SUBNET}.2`
const WIRE_MS = 30_000

export const qemu: Variant = {
  name: 'qemu',
  title: TITLES.qemu,
  async launch(plan: Plan): Promise<RunningFleet> {
    const daemons: Daemon[] = []
    const start = async (guests: TileGuest[]) => {
      for (const guest of guests) {
        daemons.push(new Daemon(commandOf(plan, guest), plan.cpus))
        if (guest.role === 'near') await listening(wireOf(plan), daemons.at(-1)!)
      }
    }
    await start(plan.first)
    return {
      pids: () => daemons.flatMap(({ pid }) => pid ?? []),
      start,
      over: () => daemons.map((daemon) => daemon.over()).find((how) => how !== undefined),
      kill: async () => void (await Promise.all(daemons.map((daemon) => daemon.kill()))),
    }
  },
}

function commandOf(plan: Plan, guest: TileGuest): string[] {
  const { kernel, initrd, memory } = plan.system
  const forwards = guest.ports.map((port) => `hostfwd=tcp:127.0.0.1:${port.host}-${guest.address}:${port.guest}`)
  const user = ['user', 'id=lan', `net=${SUBNET}.0/24`, `host=${GATEWAY}`, ...forwards].join(',')
  const disk =
    guest.disk === undefined
      ? []
      : ['-drive', `file=${guest.disk},format=raw,if=none,id=disk`, '-device', 'virtio-blk-device,drive=disk']
  return [
    ...qemuSystem(),
    ...['-M', 'virt', '-m', memory, '-nodefaults', '-display', 'none', '-no-reboot', '-monitor', 'none'],
    ...['-serial', `file:${join(plan.folder, `${guest.name}.log`)}`],
    ...['-kernel', kernel, '-initrd', initrd, '-append', wordsFor(plan.system, guest, GATEWAY)],
    ...['-netdev', user, '-device', `virtio-net-device,netdev=lan,mac=${guest.mac}`],
    ...wire(plan, guest),
    ...disk,
  ]
}

/** The end of a stream that both guests of a pair have. */
function wire(plan: Plan, { role, wireMac }: TileGuest): string[] {
  if (wireMac === undefined) return []
  const end = `server=${role === 'near' ? 'on' : 'off'},addr.type=unix,addr.path=${wireOf(plan)}`
  return ['-netdev', `stream,id=wire,${end}`, '-device', `virtio-net-device,netdev=wire,mac=${wireMac}`]
}

function wireOf({ folder }: Plan): string {
  return join(folder, 'wire')
}

async function listening(path: string, daemon: Daemon): Promise<void> {
  for (let ms = 0; !existsSync(path); ms += 20) {
    const over = daemon.over()
    if (over !== undefined || ms > WIRE_MS) throw new OrlopError(`QEMU does not listen at its wire: ${over ?? 'no'}`, 1)
    await sleep(20)
  }
}
