// The images of a guest on Node: which files there are, what of them goes where, and what a firmware decides about its guest.

import { E_CORRUPT, GUEST_RAM_BASE, LOAD_INITRD, LOAD_KERNEL, LOAD_PHYSICAL } from '../../hypervisor/abi.ts'
import { Elf, isElf } from '../elf.ts'
import { MachineError } from '../error.ts'
import { type OpenFile, openFile, readWhole } from './file.ts'
import type { GuestOptions } from './options.ts'
import type { ImageOrder } from './protocol.ts'

export interface ImageFiles {
  kernel?: OpenFile
  initrd?: OpenFile
  firmware?: OpenFile
}

/** Opens the images; each that is open is put into `opened` at once. Throws MachineError. */
export function openImages(
  options: Pick<GuestOptions, 'kernel' | 'initrd' | 'firmware'>,
  opened: OpenFile[],
): ImageFiles {
  const open = (path: string | undefined, what: string) => {
    if (path === undefined) return undefined
    const file = openFile(path, what, 'check the path')
    opened.push(file)
    if (file.sizeBytes === 0) throw new MachineError(E_CORRUPT, `${file.name} is empty; get or build it anew.`)
    return file
  }
  return {
    kernel: open(options.kernel, 'kernel'),
    initrd: open(options.initrd, 'initrd'),
    firmware: open(options.firmware, 'firmware'),
  }
}

/** What is loaded where, and where firmware begins and reports. Throws MachineError for a firmware that is none. */
export async function orderImages({ kernel, initrd, firmware }: ImageFiles) {
  const images: ImageOrder[] = []
  let start: { firmware?: true; entry?: number; tohost?: number } = {}
  if (firmware !== undefined) {
    const bytes = await readWhole(firmware)
    if (isElf(bytes)) {
      const elf = new Elf(bytes, firmware.name, GUEST_RAM_BASE)
      for (const segment of elf.segments) {
        // RAM is zero at first, so what the file leaves out needs no loading.
        if (segment.bytes.length === 0) continue
        const from = { name: firmware.name, bytes: segment.bytes }
        images.push({ what: LOAD_PHYSICAL, address: segment.address, from })
      }
      const symbol = elf.symbol('tohost')
      start = { firmware: true, entry: elf.entry, tohost: symbol === undefined ? undefined : elf.physical(symbol) }
    } else {
      images.push({ what: LOAD_PHYSICAL, address: GUEST_RAM_BASE, from: firmware })
      start = { firmware: true }
    }
  }
  if (kernel !== undefined) images.push({ what: LOAD_KERNEL, address: 0, from: kernel })
  if (initrd !== undefined) images.push({ what: LOAD_INITRD, address: 0, from: initrd })
  return { images, start }
}
