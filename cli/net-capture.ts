// `orlop net capture`: writes what passes a guest's network device or a network's uplink into a pcap file, or to the standard output.

import { closeSync, openSync, writeSync } from 'node:fs'
import { printJson, withMachine } from './ask.ts'
import { OrlopError } from './error.ts'
import type { Words } from './flags.ts'
import type { Client } from './machine/client.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const RECORD_HEADER_BYTES = 16

/** Captures until Ctrl-C, or until the machine goes down; gives the exit code. */
export async function capture(words: Words, device: string, output: string | undefined): Promise<number> {
  if (output === undefined) throw new OrlopError('Say where to write it: "-o FILE.pcap", or "-o -" for a pipe.')
  if (output === '-' && process.stdout.isTTY) {
    throw new OrlopError('A pcap file is nothing for a terminal; add "| tcpdump -nr -", or give a file.')
  }
  if (output === '-' && words.values.has('json'))
    throw new OrlopError('--json and "-o -" do not go together; give a file.')
  const [, name, place] = /^(.*?)(?:\/(\d|uplink))?$/.exec(device) as unknown as [string, string, string?]
  const wanted = place === 'uplink' ? { network: name } : { guest: name, nic: Number(place ?? 0) }
  return withMachine(words, async (client) => {
    const sink = new Sink(output)
    const interrupted = new Promise<void>((fulfil) => {
      for (const signal of SIGNALS) process.once(signal, () => fulfil())
    })
    let unseen = 0
    try {
      client.onPush = (push) => {
        if (push.event === 'packets') sink.write(Buffer.from(push.bytes, 'base64'), client)
        if (push.event === 'unseen') unseen += push.count
      }
      await client.request('capture', wanted)
      if (output !== '-') process.stderr.write(`Capturing ${device} into ${output}; Ctrl-C ends it.\n`)
      await Promise.race([client.closed, interrupted])
    } finally {
      sink.close()
    }
    if (words.values.has('json')) printJson({ device, file: output, packets: sink.packets, lost: unseen })
    else {
      const lost = unseen > 0 ? `; ${unseen} pieces were too many to write` : ''
      process.stderr.write(`${sink.packets} packet${sink.packets === 1 ? '' : 's'}${lost}.\n`)
    }
    return 0
  })
}

/** Where the file goes. */
class Sink {
  packets = 0
  private readonly file: number | undefined
  private isFirst = true

  constructor(path: string) {
    try {
      this.file = path === '-' ? undefined : openSync(path, 'w')
    } catch (cause) {
      throw new OrlopError(`${path} cannot be written (${(cause as Error).message}); give another file.`, 2, { cause })
    }
  }

  /** Writes a piece; the client waits when the standard output does. */
  write(piece: Buffer, client: Client): void {
    if (this.isFirst) this.isFirst = false
    else this.count(piece)
    if (this.file === undefined) {
      if (process.stdout.write(piece)) return
      client.listen(false)
      process.stdout.once('drain', () => client.listen(true))
    } else for (let at = 0; at < piece.length; ) at += writeSync(this.file, piece, at)
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file)
  }

  /** Pieces are whole records. */
  private count(piece: Buffer): void {
    for (let at = 0; at + RECORD_HEADER_BYTES <= piece.length; at += RECORD_HEADER_BYTES + piece.readUInt32LE(at + 8)) {
      this.packets++
    }
  }
}
