// QEMU 10 as the other computer: the same guest on its `virt` board, with the same hart and the same devices.

import { CPU } from '../support/qemu.ts'
import { qemuSystem, requireOracle } from '../support/tools.ts'
import type { Guest } from './guests.ts'
import { Talk } from './talk.ts'

export interface QemuOptions {
  guest: Guest
  memory: string
  append: string
  /** Raw image of a disk. Default: no disk. */
  disk?: string
  /** A `-netdev` of this kind and with these options, called `n`. Default: no network. */
  net?: string
}

/** Starts the guest, its console on the talk; undefined, after one line that says why, where QEMU cannot be had. */
export function startQemu({ guest, memory, append, disk, net }: QemuOptions): Talk | undefined {
  const qemu = requireOracle(qemuSystem)
  if (qemu === undefined) return undefined
  const devices = ['-device', 'virtio-rng-device']
  // virtio version 2, as our devices are.
  devices.push('-global', 'virtio-mmio.force-legacy=false')
  if (disk !== undefined)
    devices.push('-drive', `file=${disk},format=raw,if=none,id=d`, '-device', 'virtio-blk-device,drive=d')
  if (net !== undefined) devices.push('-netdev', `${net},id=n`, '-device', 'virtio-net-device,netdev=n')
  const boot = ['-kernel', guest.kernel, '-initrd', guest.initrd, '-append', append]
  return new Talk([
    ...qemu,
    ...['-M', 'virt', '-cpu', CPU, '-m', memory, '-nographic', '-no-reboot', '-nodefaults', '-serial', 'stdio'],
    ...boot,
    ...devices,
  ])
}
