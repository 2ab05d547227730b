// Files that a machine is given on Node, and places that are written: one clear sentence for each way in which that fails.

import { fstatSync, openSync, read, readSync, realpathSync, statSync } from 'node:fs'
import { promisify } from 'node:util'
import { E_BAD_ARG, E_IO, E_NO_SPACE } from '../../hypervisor/abi.ts'
import { MachineError } from '../error.ts'
import type { Source } from '../machine.ts'

const readPart = promisify(read)

/** An open regular file. File descriptors belong to the process, so it can be handed to another thread as it is. */
export interface OpenFile {
  /** What it is and where it lies, as the beginning of a sentence: "The kernel vmlinux". */
  name: string
  /** Where it really lies. */
  path: string
  fd: number
  sizeBytes: number
  /** Same for two names of one file. */
  identity: string
}

/** Opens a file; `what` names its role ("kernel"), `missing` says what to do when there is none. Throws MachineError. */
export function openFile(path: string, what: string, missing: string, readOnly = true): OpenFile {
  const name = `The ${what} ${path}`
  try {
    // Looked at before it is opened: opening a pipe would wait for its other end.
    if (statSync(path).isDirectory()) throw refuse(`${name} is a folder; give a file.`)
    if (!statSync(path).isFile()) throw refuse(`${name} is not a regular file; give a copy of it as one.`)
    const fd = openSync(path, readOnly ? 'r' : 'r+')
    const stat = fstatSync(fd, { bigint: true })
    return { name, path: realpathSync(path), fd, sizeBytes: Number(stat.size), identity: `${stat.dev}:${stat.ino}` }
  } catch (cause) {
    if (cause instanceof MachineError) throw cause
    throw refuse(`${name} ${explain(cause as NodeJS.ErrnoException, missing, readOnly)}.`, { cause })
  }
}

/** The file as something that the machine can load. */
export function sourceOf(file: OpenFile): Source {
  return {
    name: file.name,
    size: file.sizeBytes,
    read(target, offset) {
      for (let done = 0; done < target.length; ) {
        const count = readSync(file.fd, target, done, target.length - done, offset + done)
        if (count === 0) throw shorter(file)
        done += count
      }
    },
  }
}

/** What went wrong when a place was written, as a sentence. */
export function refusal(place: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  const say = (meaning: number, text: string) => new MachineError(meaning, `${place} ${text}.`, { cause: error })
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return say(E_NO_SPACE, 'cannot be written: there is no room left; make room and try again')
    case 'EFBIG':
      return say(E_NO_SPACE, 'cannot be written: a file is larger than its file system takes; take another folder')
    case 'EROFS':
      return say(E_IO, 'lies on a read-only file system; take another folder')
    case 'EACCES':
    case 'EPERM':
      return say(E_IO, 'may not be written; take a folder of your own')
    case 'EEXIST':
    case 'ENOTDIR':
      return say(E_BAD_ARG, 'is, or lies below, a file; take another folder')
    case 'EISDIR':
      return say(E_BAD_ARG, 'is a folder, or has one in the place of a file; take another name')
    default:
      return error instanceof MachineError || code === undefined ? error : say(E_IO, `cannot be written: ${message}`)
  }
}

/** More than any firmware has, with all that a debugger wants to know. */
const WHOLE_MAX = 2 ** 30

/** The whole of a file that must be understood before it can be loaded. */
export async function readWhole(file: OpenFile): Promise<Uint8Array> {
  if (file.sizeBytes > WHOLE_MAX) {
    throw new MachineError(E_NO_SPACE, `${file.name} has more than ${WHOLE_MAX / 2 ** 20} MiB; give a smaller file.`)
  }
  const bytes = new Uint8Array(file.sizeBytes)
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await readPart(file.fd, bytes, done, bytes.length - done, done)
    if (bytesRead === 0) throw shorter(file)
    done += bytesRead
  }
  return bytes
}

function shorter({ name }: OpenFile): MachineError {
  return new MachineError(E_IO, `${name} has become shorter while it was read; try again.`)
}

function explain(error: NodeJS.ErrnoException, missing: string, readOnly: boolean): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `does not exist; ${missing}`
    case 'EACCES':
    case 'EPERM':
      return readOnly ? 'may not be read; ask its owner for the right' : 'may not be written; give it with ",ro"'
    case 'EROFS':
      return 'lies on a read-only file system; give it with ",ro"'
    default:
      return `cannot be opened: ${error.message}`
  }
}

function refuse(message: string, options?: ErrorOptions): MachineError {
  return new MachineError(E_BAD_ARG, message, options)
}
