// A command's connection to a running machine.

import type { Socket } from 'node:net'
import { OrlopError } from '../error.ts'
import { Lines } from './lines.ts'
import { near } from '../near.ts'
import { type Hello, type Message, PROTOCOL_VERSION, type Push } from './protocol.ts'
import { runningMachines, tryConnect } from './socket.ts'

/** Replies carry all guests of a machine. */
const REPLY_MAX_BYTES = 16 * 1024 * 1024
/** How long a machine has to say hello. */
const HELLO_MS = 10_000

interface Waiter {
  fulfil(result: unknown): void
  reject(error: Error): void
}

export class Client {
  /** Fulfilled when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>
  /** Gets what the machine says unasked. */
  onPush: (push: Push) => void = () => undefined
  private readonly waiting = new Map<number, Waiter>()
  private lastId = 0
  private isClosed = false
  private greet: (hello: Hello) => void = () => undefined

  private constructor(
    readonly machine: string,
    private readonly socket: Socket,
  ) {
    const lines = new Lines(
      REPLY_MAX_BYTES,
      (line) => this.hear(line),
      () => socket.destroy(),
    )
    this.closed = new Promise((fulfil) => {
      socket.on('close', () => {
        this.isClosed = true
        for (const { reject } of this.waiting.values()) reject(this.gone())
        this.waiting.clear()
        fulfil()
      })
    })
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => lines.add(bytes))
  }

  /** Connects to the machine of this name, or to the only one that runs. Throws OrlopError. */
  static async connect(name: string | undefined): Promise<Client> {
    const machine = name ?? (await onlyMachine())
    const socket = await tryConnect(machine)
    if (socket === undefined) throw await notThere(machine)
    const client = new Client(machine, socket)
    const hello = await client.hello()
    if (hello.version === PROTOCOL_VERSION) return client
    client.close()
    throw new OrlopError(
      `The machine "${machine}" speaks version ${hello.version} and this program ${PROTOCOL_VERSION}; use the program ` +
        'that started it, or start it anew.',
      1,
    )
  }

  /**
   * Asks for something; rejected with OrlopError when it is refused, or the machine has gone. `hear` is told before anything that
   * the machine says after its reply; whoever waits for the promise may hear of both in one go.
   */
  request<T>(verb: string, words: Record<string, unknown> = {}, hear?: (result: T) => void): Promise<T> {
    if (this.isClosed) return Promise.reject(this.gone())
    const id = ++this.lastId
    const answer = new Promise<T>((fulfil, reject) => {
      const take = (result: unknown) => {
        hear?.(result as T)
        fulfil(result as T)
      }
      this.waiting.set(id, { fulfil: take, reject })
    })
    this.socket.write(`${JSON.stringify({ ...words, id, verb })}\n`)
    return answer
  }

  /** Reads what the machine says, or leaves it in the socket for now. */
  listen(isOn: boolean): void {
    if (isOn) this.socket.resume()
    else this.socket.pause()
  }

  close(): void {
    this.socket.destroy()
  }

  private async hello(): Promise<Hello> {
    let timer: NodeJS.Timeout | undefined
    const hello = await Promise.race([
      new Promise<Hello>((fulfil) => (this.greet = fulfil)),
      this.closed,
      new Promise<void>((fulfil) => (timer = setTimeout(fulfil, HELLO_MS))),
    ])
    clearTimeout(timer)
    if (hello !== undefined) return hello
    this.close()
    throw new OrlopError(`The machine "${this.machine}" does not answer; end its process if that does not change.`, 1)
  }

  private hear(line: string): void {
    const message = JSON.parse(line) as Message
    if ('hello' in message) {
      this.greet(message)
      return
    }
    if ('event' in message) {
      this.onPush(message)
      return
    }
    const waiter = message.id === null ? undefined : this.waiting.get(message.id)
    if (message.id !== null) this.waiting.delete(message.id)
    if ('result' in message) waiter?.fulfil(message.result)
    else waiter?.reject(new OrlopError(message.error.message, message.error.exitCode))
  }

  private gone(): OrlopError {
    return new OrlopError(`The machine "${this.machine}" has gone down.`, 1)
  }
}

async function onlyMachine(): Promise<string> {
  const names = await runningMachines()
  if (names.length === 1) return names[0] as string
  if (names.length === 0) throw new OrlopError('No machine is running; type "orlop up FLEET.yaml" to start one.', 1)
  throw new OrlopError(`Several machines are running; say which one with --machine: ${names.join(', ')}.`)
}

async function notThere(name: string): Promise<OrlopError> {
  const names = await runningMachines()
  if (names.length === 0) {
    return new OrlopError(`No machine "${name}" is running, nor any other; type "orlop up FLEET.yaml" to start one.`, 1)
  }
  const similar = near(name, names)
  const hint = similar.length > 0 ? `did you mean ${similar.join(' or ')}?` : `there is ${names.join(', ')}.`
  return new OrlopError(`No machine "${name}" is running; ${hint}`, 1)
}
