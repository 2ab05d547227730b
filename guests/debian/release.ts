// An archive's signed table of contents: checks the signature of an InRelease file and reads the hashes in it.

import { readFile } from 'node:fs/promises'
import type { Key } from 'openpgp'
import { OrlopError } from '../../cli/error.ts'
import { parseStanzas } from './packages.ts'

/** Where Debian and Ubuntu put the archive's keys (package debian-archive-keyring). */
export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** A file that the release lists. */
export interface Listed {
  sizeBytes: number
  /** Hexadecimal. */
  sha256: string
}

export interface Release {
  codename: string
  /** The files of the suite, by their path below the suite's folder. */
  files: Map<string, Listed>
  /** Whether each file can also be had under the name of its hash, which a running update cannot break. */
  hasByHash: boolean
}

export interface ReleaseOptions {
  /** Bytes of the archive's keys. */
  keyring: Uint8Array
  /** The suite that was asked for: its name or its codename must be in the file. */
  suite: string
  /** Default: now. */
  now?: Date
}

/** The keys in `path`, with an error that says where to get them. */
export async function readKeyring(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new OrlopError(
      `Cannot read the archive's keys (${path}); install debian-archive-keyring or set ORLOP_DEBIAN_KEYRING to its file.`,
      2,
      { cause },
    )
  }
}

/** The content of an InRelease file, once one of the keys is found to have signed it and it is the right suite, in date. */
export async function verifyRelease(
  text: string,
  { keyring, suite, now = new Date() }: ReleaseOptions,
): Promise<Release> {
  const signed = await checkSignature(text, keyring, now)
  const fields = parseStanzas(signed)[0] ?? new Map<string, string>()
  const codename = fields.get('codename') ?? ''
  if (fields.get('suite') !== suite) checkCodename(codename, suite)
  const validUntil = Date.parse(fields.get('valid-until') ?? '')
  if (validUntil < now.getTime()) {
    throw new OrlopError(
      `The release file of ${suite} ran out on ${fields.get('valid-until')}; use another mirror or set the clock.`,
      1,
    )
  }
  const files = new Map<string, Listed>()
  for (const line of (fields.get('sha256') ?? '').split('\n')) {
    const entry = line.match(/^([0-9a-f]{64})\s+(\d+)\s+(\S+)$/)
    if (entry !== null) files.set(entry[3] ?? '', { sha256: entry[1] ?? '', sizeBytes: Number(entry[2]) })
  }
  return { codename, files, hasByHash: fields.get('acquire-by-hash') === 'yes' }
}

/** Throws unless the release of `codename` is the one that was asked for. */
export function checkCodename(codename: string, suite: string): void {
  if (codename === suite) return
  throw new OrlopError(
    `The archive gives a release file of "${codename}" where ${suite} was asked for; check the mirror.`,
    1,
  )
}

async function checkSignature(text: string, keyring: Uint8Array, date: Date): Promise<string> {
  // Loaded when needed: it takes longer to start than a small guest takes to boot, and most runs never need it.
  const openpgp = await import('openpgp')
  const verificationKeys = await readKeys(keyring)
  const message = await openpgp.readCleartextMessage({ cleartextMessage: text }).catch((cause) => {
    throw new OrlopError('The release file of the archive is not signed; check the mirror.', 1, { cause })
  })
  const { data, signatures } = await openpgp.verify({ message, verificationKeys, date })
  const results = await Promise.allSettled(signatures.map((signature) => signature.verified))
  if (results.some((result) => result.status === 'fulfilled')) return data
  const cause = results.find((result) => result.status === 'rejected')?.reason
  throw new OrlopError(
    'No key of the keyring has signed the release file of the archive; check the mirror and the keyring.',
    1,
    { cause },
  )
}

/** Keyrings come as plain bytes (`.gpg`, `.pgp`) or as text (`.asc`). */
async function readKeys(keyring: Uint8Array): Promise<Key[]> {
  const openpgp = await import('openpgp')
  const isText = Buffer.from(keyring.subarray(0, 5)).toString('latin1') === '-----'
  try {
    if (isText) return await openpgp.readKeys({ armoredKeys: Buffer.from(keyring).toString('latin1') })
    return await openpgp.readKeys({ binaryKeys: keyring })
  } catch (cause) {
    throw new OrlopError("The file with the archive's keys is not an OpenPGP keyring; check ORLOP_DEBIAN_KEYRING.", 2, {
      cause,
    })
  }
}
