// passt at the host's end of a stream: what both machines of the network benchmark can have, beside a user network of their own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../cli/error.ts'
import { scratchFile } from './scratch.ts'

/** The guest's address, and the one that leads to the host's loopback. */
export const PASST = { guest: '10.97.0.2', host: '10.97.0.1', prefix: 24, mtu: 1500 }

const START_MS = 10_000

export interface Passt {
  /** The UNIX socket at which it waits for a machine. */
  path: string
  close(): void
}

/** Is there one to compare with? */
export function hasPasst(): boolean {
  return spawnSync('passt', ['--version']).error === undefined
}

export async function startPasst(name: string): Promise<Passt> {
  const path = scratchFile(name)
  const { getuid = () => 0, getgid = () => 0 } = process
  const child: ChildProcess = spawn(
    'passt',
    [
      ...['--foreground', '--quiet', '--runas', `${getuid()}:${getgid()}`, '--socket', path],
      ...['-4', '-a', PASST.guest, '-g', PASST.host, '-n', `${PASST.prefix}`, '-m', `${PASST.mtu}`],
    ],
    { stdio: 'ignore' },
  )
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  for (let ms = 0; !existsSync(path); ms += 20) {
    if (child.exitCode !== null || ms > START_MS) throw new OrlopError('passt does not start; try it by hand.', 1)
    await sleep(20)
  }
  return {
    path,
    close: () => {
      process.off('exit', end)
      end()
    },
  }
}
