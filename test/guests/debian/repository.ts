// A small Debian repository for tests: packages made here, indexes, a release signed with a throw-away key, served on the
// loopback interface. Each test bends it in its own way.

import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import * as openpgp from 'openpgp'
import tar from 'tar-stream'
import { collect } from '../../../guests/debian/deb.ts'

/** An `ar` archive of the members, as ar(5) describes it. */
export function ar(members: [name: string, content: Buffer][]): Buffer {
  const parts: Buffer[] = [Buffer.from('!<arch>\n')]
  for (const [name, content] of members) {
    const fields = [name.padEnd(16), '0'.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)]
    parts.push(Buffer.from(`${fields.join('')}${String(content.length).padEnd(10)}\`\n`), content)
    if (content.length % 2 === 1) parts.push(Buffer.from('\n'))
  }
  return Buffer.concat(parts)
}

/** A .deb with these files; its data member is gzipped, which dpkg reads as well. */
export async function deb(files: Record<string, Buffer>): Promise<Buffer> {
  const pack = tar.pack()
  const packed = collect(pack as never)
  for (const [path, content] of Object.entries(files)) pack.entry({ name: `./${path}` }, Buffer.from(content))
  pack.finalize()
  const data = gzipSync(await packed)
  return ar([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(Buffer.alloc(1024))],
    ['data.tar.gz', data],
  ])
}

export interface Package {
  name: string
  version: string
  content: Buffer
  depends?: string
}

/** A 64-bit ELF that holds nothing but a `.modinfo` section: what the initramfs reads of a kernel module. */
export function bareModule(fields: Record<string, string>): Buffer {
  const modinfo = Buffer.from(
    Object.entries(fields)
      .map(([key, value]) => `${key}=${value}\0`)
      .join(''),
  )
  const names = Buffer.from('\0.modinfo\0.shstrtab\0')
  const elf = Buffer.alloc(64 + 3 * 64)
  elf.write('\x7fELF\x02\x01\x01', 'latin1')
  elf.writeBigUInt64LE(64n, 40)
  elf.writeUInt16LE(3, 60)
  elf.writeUInt16LE(2, 62)
  const section = (index: number, name: number, type: number, offset: number, size: number) => {
    elf.writeUInt32LE(name, 64 + index * 64)
    elf.writeUInt32LE(type, 64 + index * 64 + 4)
    elf.writeBigUInt64LE(BigInt(offset), 64 + index * 64 + 24)
    elf.writeBigUInt64LE(BigInt(size), 64 + index * 64 + 32)
    elf.writeBigUInt64LE(1n, 64 + index * 64 + 48)
  }
  section(1, 1, 1, elf.length, modinfo.length)
  section(2, 10, 3, elf.length + modinfo.length, names.length)
  return Buffer.concat([elf, modinfo, names])
}

/** A file with the magic of a flat RISC-V image (Documentation/arch/riscv/boot-image-header.rst). */
export function bareImage(): Buffer {
  const image = Buffer.alloc(4096)
  image.write('RSC\x05', 56, 'latin1')
  return image
}

/** Bytes that hold a table of applets as busybox does. */
export function bareBusybox(): Buffer {
  const names = [
    '[',
    '[[',
    'ash',
    'busybox',
    'cttyhack',
    'init',
    'insmod',
    'modprobe',
    'mount',
    'poweroff',
    'setsid',
    'sh',
  ]
  return Buffer.from(`\x7fELF junk\0${names.join('\0')}\0\0more`, 'latin1')
}

/** The packages that `pullDebian` asks for, with nothing in them but what it looks at. */
export async function guestPackages(version = '6.12.1-1'): Promise<Package[]> {
  const release = '6.12.1+deb13-riscv64'
  const folder = `usr/lib/modules/${release}/kernel`
  const kernel = await deb({
    [`boot/vmlinux-${release}`]: bareImage(),
    [`${folder}/drivers/virtio_mmio.ko`]: bareModule({
      alias: 'of:N*T*Cvirtio,mmio',
      depends: '',
      name: 'virtio_mmio',
    }),
    [`${folder}/net/virtio_net.ko`]: bareModule({
      alias: 'virtio:d00000001v*',
      depends: 'net_failover',
      name: 'virtio_net',
    }),
    [`${folder}/net/net_failover.ko`]: bareModule({ depends: 'failover', name: 'net_failover' }),
    [`${folder}/net/failover.ko`]: bareModule({ depends: '', name: 'failover' }),
    [`${folder}/sound/snd.ko`]: bareModule({ depends: '', name: 'snd' }),
  })
  return [
    { name: 'linux-image-riscv64', version, depends: `linux-image-${release} (= ${version})`, content: await deb({}) },
    { name: `linux-image-${release}`, version, content: kernel },
    { name: 'busybox-static', version: '1:1.37.0-6', content: await deb({ 'usr/bin/busybox': bareBusybox() }) },
  ]
}

export interface Repository {
  /** Its address. */
  uri: string
  /** The public key, as a keyring file has it. */
  keyring: Buffer
  /** Every file that it serves, by path; tests may change them. */
  files: Map<string, Buffer>
  /** The paths that were asked for, in order. */
  requests: string[]
  /** When set, only so many bytes of this path are sent before the connection breaks. */
  cut: { path: RegExp; bytes: number } | undefined
  /** When set, only so many bytes of this path are sent, and the rest is never sent. */
  hold: { path: string; bytes: number } | undefined
  close(): Promise<void>
}

export interface RepositoryOptions {
  /** Fields to put in place of those of the release file. */
  release?: Record<string, string>
  /** What is done to the release text before it is signed. */
  bend?: (text: string) => string
}

/** Starts a repository with these packages. */
export async function startRepository(packages: Package[], options: RepositoryOptions = {}): Promise<Repository> {
  const { privateKey, publicKey } = await openpgp.generateKey({
    userIDs: [{ name: 'Test archive' }],
    format: 'object',
    date: new Date(Date.now() - 60_000),
  })
  const files = new Map<string, Buffer>()
  const index = packages.map(({ name, version, content, depends }) => {
    const path = `pool/main/${name}_${version}.deb`
    files.set(`/${path}`, content)
    const lines = [
      `Package: ${name}`,
      'Architecture: riscv64',
      `Version: ${version}`,
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    ]
    return [...lines, `Filename: ${path}`, `Size: ${content.length}`, `SHA256: ${sha256(content)}`, ''].join('\n')
  })
  const plain = Buffer.from(index.join('\n'))
  const listed = gzipSync(plain)
  const name = 'main/binary-riscv64/Packages.gz'
  files.set(`/dists/trixie/${name}`, listed)
  const fields = {
    Suite: 'stable',
    Codename: 'trixie',
    Architectures: 'riscv64',
    Components: 'main',
    Date: new Date().toUTCString(),
    // apt insists on the hash of the plain index, though nobody serves it.
    SHA256: `\n ${sha256(listed)} ${listed.length} ${name}\n ${sha256(plain)} ${plain.length} ${name.replace('.gz', '')}`,
    ...options.release,
  }
  const text = `${Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}`)
    .join('\n')}\n`
  const message = await openpgp.createCleartextMessage({ text: options.bend?.(text) ?? text })
  const signed = await openpgp.sign({ message, signingKeys: privateKey, date: new Date(Date.now() - 30_000) })
  files.set('/dists/trixie/InRelease', Buffer.from(signed))

  const repository: Omit<Repository, 'uri' | 'close'> = {
    keyring: Buffer.from(publicKey.write()),
    files,
    requests: [],
    cut: undefined,
    hold: undefined,
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    repository.requests.push(path)
    const content = files.get(path)
    if (content === undefined) {
      response.writeHead(404).end()
    } else if (repository.hold?.path === path) {
      response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, repository.hold.bytes))
    } else if (repository.cut?.path.test(path)) {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, repository.cut.bytes), () => response.destroy())
    } else {
      response.writeHead(200, { 'content-length': content.length }).end(content)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(repository, { uri: `http://127.0.0.1:${port}/`, close: () => stop(server) })
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
