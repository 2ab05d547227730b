// The thread of a machine for disk work that takes long: flushes, and zeroes by the gigabyte. The CPUs hand it over and go on;
// how it ended is told to CPU 0, whose kernel tells the guest.

import { fdatasync, write } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { promisify } from 'node:util'
import * as abi from '../../hypervisor/abi.ts'
import { Control } from '../control.ts'
import { type Disk, type DiskFailure, failureOf, ZEROES } from './disk.ts'
import type { Transfer } from './disk.ts'
import type { ThreadMessage, TransferInput, TransferOrder } from './protocol.ts'

const syncFile = promisify(fdatasync)
const writeFile = promisify(write)

export interface TransferCallbacks {
  /** Told of each failure. */
  fail(disk: number, failure: DiskFailure): void
  /** Need it not be finished any more? Asked between pieces. */
  isAbandoned(): boolean
}

/** Does the work: OK or E_IO. */
export async function carryOut(transfer: Transfer, { fail, isAbandoned }: TransferCallbacks): Promise<number> {
  const { operation, number, disk, start, length } = transfer
  try {
    if (operation === abi.BLOCK_FLUSH) await syncFile(disk.fd)
    else if (operation === abi.BLOCK_WRITE_ZEROES) return await writeZeroes(disk, start, length, isAbandoned)
    else return abi.E_IO
    return abi.OK
  } catch (error) {
    fail(number, failureOf(disk, error as NodeJS.ErrnoException))
    return abi.E_IO
  }
}

async function writeZeroes(disk: Disk, start: number, length: number, isAbandoned: () => boolean): Promise<number> {
  for (let done = 0; done < length; ) {
    if (isAbandoned()) return abi.E_IO
    const { bytesWritten } = await writeFile(disk.fd, ZEROES, 0, Math.min(ZEROES.length, length - done), start + done)
    if (bytesWritten === 0) return abi.E_IO
    done += bytesWritten
  }
  return abi.OK
}

/** Serves the CPUs until the machine ends. */
export function serveTransfers({ memory, cpus, ports }: TransferInput): void {
  const worker = parentPort as NonNullable<typeof parentPort>
  const tell = (message: ThreadMessage) => worker.postMessage(message)
  const underWay = new Set<{ disk: number; isAbandoned: boolean }>()
  let control: Control | undefined
  let hasEnded = false

  const serve = async (transfer: Transfer) => {
    const entry = { disk: transfer.number, isAbandoned: hasEnded }
    underWay.add(entry)
    const status = await carryOut(transfer, {
      fail: (disk, failure) => tell({ kind: 'disk-failed', disk, ...failure }),
      isAbandoned: () => entry.isAbandoned,
    })
    underWay.delete(entry)
    if (hasEnded) return
    ports[0]?.postMessage({ tag: transfer.tag, status })
    control?.wake(0)
  }

  const obey = (order: TransferOrder) => {
    if (order.kind === 'begin') control = new Control(memory, order.mailbox, cpus)
    if (order.kind === 'end') hasEnded = true
    for (const entry of underWay) {
      entry.isAbandoned ||= hasEnded || (order.kind === 'abandon' && order.disks.includes(entry.disk))
    }
    if (!hasEnded) return
    for (const port of ports) port.close()
    worker.close()
  }

  for (const port of ports) port.on('message', serve)
  worker.on('message', obey)
}
