// A network namespace for tests that make interfaces: the test file is run again inside one, with processes, mounts, /sys and
// /run of its own. Whatever it leaves behind goes with it.

import { spawnSync } from 'node:child_process'
import { isStrict, MissingTool, requireTool } from './tools.ts'

const INSIDE = 'ORLOP_TEST_NAMESPACE'

export const isInside = process.env[INSIDE] === 'yes'

/** Root makes namespaces without one for users, in which there would be no devices to make. */
const USER = process.getuid?.() === 0 ? [] : ['--map-root-user']
const FLAGS = [...USER, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
/** "ip netns" keeps its names in /run. */
const PREPARE = 'mount -t sysfs none /sys && mount -t tmpfs none /run && ip link set lo up'

/** Can this user make such a namespace, with a bridge and a tap in it? Says why not, and throws under CI. */
export function hasNamespaces(): boolean {
  if (process.platform !== 'linux') return skip('only Linux has network namespaces')
  if (!requireTool('unshare', 'util-linux') || !requireTool('ip', 'iproute2')) return false
  const probe = 'ip link add br0 type bridge && ip tuntap add dev tap0 mode tap && ip netns add other'
  const { status, stderr } = spawnSync('unshare', [...FLAGS, 'sh', '-c', `${PREPARE} && ${probe}`], {
    encoding: 'utf8',
  })
  if (status === 0) return true
  return skip(
    `this user can have no network namespace with interfaces of its own (${stderr.trim().split('\n').at(-1)})`,
  )
}

function skip(reason: string): false {
  if (isStrict()) throw new MissingTool(`Missing: ${reason}.`)
  process.stderr.write(`Skipped: ${reason}.\n`)
  return false
}

/** Runs this program's file in a namespace of its own; gives what it wrote and how it ended. */
export function runInside(file: string, patienceMs = 120_000): { status: number | null; output: string } {
  // Not `exec`: the first process of a namespace is to bury those that have lost their parents.
  const command = `${PREPARE} && "$0" "$@"; exit $?`
  const words = [...FLAGS, 'sh', '-c', command, process.execPath, ...process.execArgv, file]
  const { status, stdout, stderr } = spawnSync('unshare', words, {
    encoding: 'utf8',
    env: { ...process.env, [INSIDE]: 'yes' },
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  })
  return { status, output: stdout + stderr }
}

/** Runs `ip`, which must work. */
export function ip(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync('ip', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`)
  return stdout
}
