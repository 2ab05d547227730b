// Tools of a real Debian give in a guest what they give under QEMU, and what Node makes of the same files: gzip, xz,
// checksums, sort, awk, patterns, and OpenSSL's digests, ciphers, key derivations and signatures.

import { createCipheriv, createHash, generateKeyPairSync, pbkdf2Sync, scryptSync, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../../guests/scratch.ts'
import { assertSame, type Command, contentOf, type Files, runInBoth, userland } from './session.ts'
import { makeNoise, makeText } from './texts.ts'

const text = makeText(600_000)
const noise = makeNoise(150_000)

const DIGESTS = ['sha256', 'sha512', 'sha1', 'md5', 'sha3-256', 'blake2b512', 'sm3', 'ripemd160']
const CIPHERS = ['aes-256-ctr', 'aes-128-cbc', 'chacha20', 'camellia-256-cbc', 'aria-128-ctr']
const KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
const VECTOR = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'

const keys = { rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }), ed25519: generateKeyPairSync('ed25519') }
const pem = (key: keyof typeof keys) => keys[key].privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

function tool(output: string, program: string, ...args: string[]): Command {
  return { output, program: `/usr/bin/${program}`, args }
}

const packing = [
  tool('text.gz', 'gzip', '-n', '-9', '-c', 'text'),
  tool('text.fast.gz', 'gzip', '-n', '-1', '-c', 'text'),
  tool('noise.gz', 'gzip', '-n', '-c', 'noise'),
  tool('text.again', 'gzip', '-d', '-c', 'text.gz'),
  tool('text.xz', 'xz', '-T1', '-2', '-c', 'text'),
  tool('text.from-xz', 'xz', '-d', '-c', 'text.xz'),
]

const sums = [
  ...['sha256sum', 'sha512sum', 'md5sum', 'b2sum', 'cksum'].map((name) => tool(name, name, 'text', 'noise', 'text.gz')),
  tool('libraries', 'sha256sum', '/usr/lib/riscv64-linux-gnu/libc.so.6', '/usr/bin/python3.13'),
]

const words = [
  tool('sorted', 'sort', '-k2,2', '-k1,1r', 'text'),
  tool(
    'counted',
    'mawk',
    '{ for (i = 1; i < NF; i++) n[$i]++; s += $NF } END { for (w in n) t += n[w]; print t, s }',
    'text',
  ),
  tool('replaced', 'sed', '-E', 's/(ba)+([a-z]*) ([0-9]+)$/\\3 \\2/; /^(mu|re)/d', 'text'),
  tool('matched', 'grep', '-n', '-E', '(si(ba|de)){2}|tu.*vo.*xy.*[0-9]{5}$', 'text'),
  // PCRE2 compiles the pattern to machine code of the guest.
  tool('compiled', 'grep', '-n', '-P', '\\b(\\w{2,4})\\1\\b.*(?<!7)\\d{4}$', 'text'),
]

const secrets = [
  ...DIGESTS.map((name) => tool(`digest-${name}`, 'openssl', 'dgst', '-r', `-${name}`, 'text')),
  ...CIPHERS.map((name) => {
    const iv = ['-iv', VECTOR, '-K', name.includes('128') ? KEY.slice(0, 32) : KEY]
    return tool(`cipher-${name}`, 'openssl', 'enc', `-${name}`, ...iv, '-in', 'text')
  }),
  tool(
    'pbkdf2',
    'openssl',
    'kdf',
    '-keylen',
    '32',
    '-kdfopt',
    'digest:SHA256',
    '-kdfopt',
    'pass:orlop',
    '-kdfopt',
    'salt:deck',
    '-kdfopt',
    'iter:4000',
    'PBKDF2',
  ),
  tool(
    'scrypt',
    'openssl',
    'kdf',
    '-keylen',
    '32',
    '-kdfopt',
    'pass:orlop',
    '-kdfopt',
    'salt:deck',
    '-kdfopt',
    'n:256',
    '-kdfopt',
    'r:8',
    '-kdfopt',
    'p:2',
    'SCRYPT',
  ),
  tool('signature-rsa', 'openssl', 'dgst', '-sha256', '-sign', 'rsa.pem', 'text'),
  tool('signature-ed25519', 'openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', 'ed25519.pem', '-in', 'noise'),
  tool('prime', 'openssl', 'prime', String(2n ** 607n - 1n), String(2n ** 607n - 3n)),
]

const files = { text, noise, 'rsa.pem': pem('rsa'), 'ed25519.pem': pem('ed25519') }

test(
  'gzip, xz, checksums, sort, awk, patterns and OpenSSL give what they give elsewhere',
  inScratch(async (folder) => {
    const session = await runInBoth(folder, files, [...packing, ...sums, ...words, ...secrets])
    if (session === undefined) return
    assert.equal(gunzipSync(contentOf(session.files, 'text.gz')), text)
    assertSame(session.files, 'text.again', text)
    assertSame(session.files, 'text.from-xz', text)
    const { root = '' } = (await userland()) ?? {}
    const libraries = ['/usr/lib/riscv64-linux-gnu/libc.so.6', '/usr/bin/python3.13']
    const lines = libraries.map((path) => `${sum('sha256', readFileSync(join(root, path)))}  ${path}\n`)
    assertSame(session.files, 'libraries', Buffer.from(lines.join('')))
    assert.ok(contentOf(session.files, 'compiled').length > 1000)
    checkSecrets(session.files)
  }),
)

test(
  'gzip, checksums and a digest take the same steps in both engines',
  inScratch(async (folder) => {
    const small = { text: text.subarray(0, 40_000), noise: noise.subarray(0, 10_000) }
    const commands = [packing[0], packing[3], sums[0], secrets[0]] as Command[]
    const session = await runInBoth(folder, small, commands, { translator: 'verify' })
    if (session === undefined) return
    assert.equal(gunzipSync(contentOf(session.files, 'text.gz')), small.text)
  }),
)

/** OpenSSL in the guest against the OpenSSL in Node. */
function checkSecrets(made: Files): void {
  for (const name of DIGESTS) {
    assertSame(made, `digest-${name}`, Buffer.from(`${sum(name, text)} *text\n`))
  }
  for (const name of CIPHERS) {
    const key = Buffer.from(KEY, 'hex').subarray(0, name.includes('128') ? 16 : 32)
    const cipher = createCipheriv(name, key, Buffer.from(VECTOR, 'hex'))
    assertSame(made, `cipher-${name}`, Buffer.concat([cipher.update(text), cipher.final()]))
  }
  const derived = (name: string) => Buffer.from(contentOf(made, name).toString().trim().replaceAll(':', ''), 'hex')
  assert.equal(derived('pbkdf2'), pbkdf2Sync('orlop', 'deck', 4000, 32, 'sha256'))
  assert.equal(derived('scrypt'), scryptSync('orlop', 'deck', 32, { N: 256, r: 8, p: 2 }))
  assert.ok(verify('sha256', text, keys.rsa.publicKey, contentOf(made, 'signature-rsa')))
  assert.ok(verify(null, noise, keys.ed25519.publicKey, contentOf(made, 'signature-ed25519')))
  assert.match(contentOf(made, 'prime').toString(), /is prime\n.*is not prime\n$/)
}

function sum(algorithm: string, content: Buffer): string {
  return createHash(algorithm).update(content).digest('hex')
}

test.run()
