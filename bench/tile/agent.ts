// Orders to a guest over TCP, as its init (programs/linux/agent.c) takes them.

import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../../cli/error.ts'
import { agentPort, type TileGuest } from './guests.ts'

const END = /\nexit (\d+)\n$/
const BOOT_MS = 300_000
const RETRY_MS = 50
/** What is not answered by then is asked again: a machine may drop what comes before its guest is there. */
const FIRST_MS = 500

/** Waits until the guest answers. `isOver` tells what has ended it meanwhile. */
export async function awake(guest: TileGuest, isOver: () => string | undefined): Promise<void> {
  for (const start = performance.now(); performance.now() - start < BOOT_MS; ) {
    if (await beat(guest, FIRST_MS)) return
    const over = isOver()
    if (over !== undefined) throw new OrlopError(`The guest ${guest.name} will never answer: ${over}`, 1)
    await sleep(RETRY_MS)
  }
  throw new OrlopError(`The guest ${guest.name} has not answered within ${BOOT_MS / 1000} s.`, 1)
}

let beats = 0

/** Is a heartbeat answered in time, and right? */
export async function beat(guest: TileGuest, timeoutMs: number): Promise<boolean> {
  const word = `${++beats}`
  try {
    return (await order(guest, `beat ${word}`, timeoutMs)) === `${word}\n`
  } catch {
    return false
  }
}

/** Has the guest's shell run a command, which must end well within `mostMs`; gives its output. */
export async function run(guest: TileGuest, command: string, mostMs: number): Promise<string> {
  const said = await order(guest, command, mostMs, END).catch((cause) => {
    throw new OrlopError(`The guest ${guest.name} does not answer any more: ${(cause as Error).message}`, 1, { cause })
  })
  const end = END.exec(said)
  if (end?.[1] === '0') return said.slice(0, end.index)
  const how = end === null ? 'was cut off' : `ended with status ${end[1]}`
  throw new OrlopError(`In the guest ${guest.name} "${command}" ${how}: ${said.slice(-500).trim()}`, 1)
}

/** Sends a line; gives all that comes until these words, or until the guest has no more to say. */
function order(guest: TileGuest, line: string, timeoutMs: number, last?: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port: agentPort(guest), noDelay: true })
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    let said = ''
    socket.setEncoding('latin1')
    socket.on('connect', () => socket.write(`${line}\n`))
    socket.on('data', (text) => {
      said += text
      // What a command leaves in the background may keep the connection open.
      if (last?.test(said)) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(said)
    })
  })
}
