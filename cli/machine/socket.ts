// Where the sockets of running machines lie, and which of them somebody answers on.
//
// The folder belongs to one user alone (0700), and so do the sockets (0600). A socket whose process has died refuses
// connections; whoever meets it takes it away.

import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { OrlopError } from '../error.ts'

const ENDING = '.sock'
/** What a socket's address can hold on Linux, with its final zero. */
const PATH_MAX = 108

/** The folder of this user's sockets, made if it is not there. Throws OrlopError if others could get at it. */
export function socketFolder(): string {
  const { XDG_RUNTIME_DIR } = process.env
  return privateFolder(XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'orlop') : join(stateFolder(), 'run'))
}

/** Where the log of a machine in the background lies. */
export function logPath(name: string): string {
  return join(privateFolder(stateFolder()), `${name}.log`)
}

export function socketPath(name: string): string {
  const path = join(socketFolder(), `${name}${ENDING}`)
  if (Buffer.byteLength(path) < PATH_MAX) return path
  throw new OrlopError(`The path ${path} is too long for a socket; set XDG_RUNTIME_DIR to a shorter folder.`)
}

/** Names of the machines that answer; sockets that nobody answers on are taken away. */
export async function runningMachines(): Promise<string[]> {
  const names = readdirSync(socketFolder())
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort()
  const isThere = await Promise.all(names.map(answers))
  return names.filter((_, i) => isThere[i])
}

/** A connection to a machine, or undefined where there is none. */
export function tryConnect(name: string): Promise<Socket | undefined> {
  const path = socketPath(name)
  return new Promise((fulfil, reject) => {
    const socket = connect(path)
    socket.once('connect', () => fulfil(socket))
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return fulfil(undefined)
      if (cause.code === 'ECONNREFUSED') {
        rmSync(path, { force: true })
        return fulfil(undefined)
      }
      reject(new OrlopError(`The machine "${name}" cannot be reached (${cause.message}).`, 1, { cause }))
    })
  })
}

/** Listens under this name. Throws OrlopError when another machine has it. */
export async function listenAs(name: string, server: Server): Promise<void> {
  const path = socketPath(name)
  if (await answers(name)) {
    throw new OrlopError(`A machine "${name}" is running already; give another name with --name, or type "orlop down".`)
  }
  const before = process.umask(0o177)
  try {
    await new Promise<void>((fulfil, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const isTaken = cause.code === 'EADDRINUSE'
        const why = isTaken ? 'is just being started by somebody else' : `cannot be listened on (${cause.message})`
        reject(new OrlopError(`The socket of the machine "${name}" ${why}; try again.`, 1, { cause }))
      })
      server.listen(path, fulfil)
    })
  } finally {
    process.umask(before)
  }
  chmodSync(path, 0o600)
}

async function answers(name: string): Promise<boolean> {
  const socket = await tryConnect(name)
  socket?.destroy()
  return socket !== undefined
}

function stateFolder(): string {
  const { XDG_STATE_HOME } = process.env
  return join(XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'orlop')
}

function privateFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const { uid, mode } = lstatSync(path)
    if (uid !== process.getuid?.()) throw new OrlopError(`The folder ${path} belongs to another user; remove it.`, 1)
    if ((mode & 0o077) !== 0) chmodSync(path, 0o700)
    return path
  } catch (cause) {
    if (cause instanceof OrlopError) throw cause
    throw new OrlopError(`The folder ${path} cannot be used (${(cause as Error).message}).`, 1, { cause })
  }
}
