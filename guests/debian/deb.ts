// Reads a .deb: an `ar` archive whose member `data.tar.*` is a compressed tar of the files (deb(5), ar(5)).

import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable, type Transform } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import zlib from 'node:zlib'
import tar from 'tar-stream'
import xz from 'xz-decompress'
import { OrlopError } from '../../cli/error.ts'

/** One member of an `ar` archive: its name, and where its bytes lie in the file. */
export interface Member {
  name: string
  offset: number
  sizeBytes: number
}

/** A regular file inside a .deb. `content` must be read to its end or left alone altogether. */
export interface PackedFile {
  /** Path without a leading `./` or `/`. */
  path: string
  sizeBytes: number
  mtime: Date
  content: Readable
}

export interface UnpackOptions {
  /** Called with the compressed bytes read so far and in all. */
  progress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const MAGIC = '!<arch>\n'
const HEADER_BYTES = 60

/** The members of the `ar` archive at `path`, in file order. Throws where the file is not one, or ends too early. */
export async function listMembers(path: string): Promise<Member[]> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const magic = await readText(file, 0, MAGIC.length)
    if (magic !== MAGIC) throw broken(path, 'it is not an ar archive')
    const members: Member[] = []
    for (let at = MAGIC.length; at < size; ) {
      const header = await readText(file, at, HEADER_BYTES)
      const sizeField = header.slice(48, 58).trim()
      if (header.length < HEADER_BYTES) throw broken(path, 'it ends inside a header')
      if (header.slice(58) !== '`\n' || !/^\d+$/.test(sizeField)) throw broken(path, 'a member header is damaged')
      const member = {
        name: header.slice(0, 16).trim().replace(/\/$/, ''),
        offset: at + HEADER_BYTES,
        sizeBytes: Number(sizeField),
      }
      if (member.offset + member.sizeBytes > size) throw broken(path, `it ends inside ${member.name}`)
      members.push(member)
      at = member.offset + member.sizeBytes + (member.sizeBytes & 1)
    }
    return members
  } finally {
    await file.close()
  }
}

/** Gives each regular file of the .deb at `path` to `take`, in archive order. Nothing but one file's chunks is held. */
export async function unpackDeb(
  path: string,
  take: (file: PackedFile) => Promise<void>,
  options: UnpackOptions = {},
): Promise<void> {
  const data = (await listMembers(path)).find((member) => member.name.startsWith('data.tar'))
  if (data === undefined) throw broken(path, 'it has no data.tar member')
  const { signal } = options
  const packed = createReadStream(path, {
    start: data.offset,
    end: data.offset + data.sizeBytes - 1,
    highWaterMark: 1 << 18,
  })
  const plain = decompress(packed, data.name)
  const extract = tar.extract()
  let done = 0
  packed.on('data', (chunk) => options.progress?.((done += chunk.length), data.sizeBytes))
  const stop = () => extract.destroy(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  packed.on('error', (error) => extract.destroy(error))
  plain.on('error', (error) => extract.destroy(error))
  plain.pipe(extract)
  try {
    signal?.throwIfAborted()
    for await (const entry of extract) {
      const { name, type, size, mtime } = entry.header
      if (type === 'file') {
        await take({
          path: name.replace(/^\.?\/+/, ''),
          sizeBytes: size ?? 0,
          mtime: mtime ?? new Date(0),
          content: entry as unknown as Readable,
        })
      }
      entry.resume()
    }
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof OrlopError) throw cause
    if ((cause as NodeJS.ErrnoException).syscall !== undefined) throw cause
    throw broken(path, (cause as Error).message.toLowerCase(), cause)
  } finally {
    signal?.removeEventListener('abort', stop)
    packed.destroy()
    plain.destroy()
  }
}

/** The plain bytes of a stream whose compression its file name tells. */
export function decompress(packed: Readable, name: string): Readable {
  if (name.endsWith('.xz')) return unxz(packed)
  if (name.endsWith('.gz')) return packed.pipe(zlib.createGunzip())
  if (name.endsWith('.tar')) return packed
  // Node has zstd from 22.15 on, and its types for 20 do not know it.
  const zstd = (zlib as unknown as { createZstdDecompress?: () => Transform }).createZstdDecompress
  if (name.endsWith('.zst') && zstd !== undefined) return packed.pipe(zstd())
  throw new OrlopError(`Cannot unpack ${name} with Node ${process.versions.node}; use Node 22.15 or newer.`)
}

/** The plain bytes of an xz stream; an error where it is damaged or ends too early. */
export function unxz(packed: Readable): Readable {
  return Readable.fromWeb(new xz.XzReadableStream(Readable.toWeb(packed) as never) as unknown as ReadableStream)
}

/** All bytes of a stream in one buffer. */
export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function readText(file: FileHandle, at: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.toString('latin1', 0, bytesRead)
}

function broken(path: string, why: string, cause?: unknown): OrlopError {
  return new OrlopError(`Cannot unpack ${basename(path)}: ${why}; fetch it again.`, 1, { cause })
}
