// Writes a cpio archive of the "newc" form, as the Linux kernel unpacks it for its first file system
// (Documentation/driver-api/early-userspace/buffer-format.rst). Owner is always root, so nobody has to be root here.

/** One entry of the archive. Parents must come before their children. */
export type Entry =
  | { path: string; type: 'folder'; mode?: number }
  | { path: string; type: 'file'; content: Uint8Array; mode?: number }
  | { path: string; type: 'link'; target: string }
  | { path: string; type: 'device'; major: number; minor: number; mode?: number }

/** The upper bits of st_mode (inode(7)); a device is always a character device here. */
const S_IFDIR = 0o040000
const S_IFREG = 0o100000
const S_IFLNK = 0o120000
const S_IFCHR = 0o020000

const TRAILER = 'TRAILER!!!'
const NOTHING = new Uint8Array(0)

/** The archive as one buffer: the same entries give the same bytes. All times are zero. */
export function writeCpio(entries: Entry[]): Buffer {
  const parts: Uint8Array[] = []
  entries.forEach((entry, index) => {
    const { mode, content } = describe(entry)
    const links = entry.type === 'folder' ? 2 : 1
    const device = entry.type === 'device' ? { major: entry.major, minor: entry.minor } : { major: 0, minor: 0 }
    put(parts, { inode: index + 1, mode, links, name: entry.path.replace(/^\/+/, ''), content, ...device })
  })
  put(parts, { inode: 0, mode: 0, links: 1, name: TRAILER, content: NOTHING, major: 0, minor: 0 })
  return Buffer.concat(parts)
}

function describe(entry: Entry): { mode: number; content: Uint8Array } {
  switch (entry.type) {
    case 'folder':
      return { mode: S_IFDIR | (entry.mode ?? 0o755), content: NOTHING }
    case 'file':
      return { mode: S_IFREG | (entry.mode ?? 0o644), content: entry.content }
    case 'link':
      return { mode: S_IFLNK | 0o777, content: Buffer.from(entry.target) }
    case 'device':
      return { mode: S_IFCHR | (entry.mode ?? 0o600), content: NOTHING }
  }
}

interface Record {
  inode: number
  mode: number
  links: number
  name: string
  content: Uint8Array
  major: number
  minor: number
}

/** Header (13 fields of 8 hex digits), name with its NUL, content; name and content each end on a multiple of 4. */
function put(parts: Uint8Array[], { inode, mode, links, name, content, major, minor }: Record): void {
  const nameBytes = Buffer.byteLength(name) + 1
  const uid = 0
  const gid = 0
  const mtime = 0
  const checksum = 0
  const fields = [inode, mode, uid, gid, links, mtime, content.length, 0, 0, major, minor, nameBytes, checksum]
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0').toUpperCase()).join('')}`
  parts.push(padded(Buffer.from(`${header}${name}\0`)), padded(content))
}

function padded(bytes: Uint8Array): Uint8Array {
  const missing = -bytes.length & 3
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)])
}
