// Guests that serve a page each, and how a test on the host reaches them.

import { createServer, type AddressInfo } from 'node:net'

/** Serves a page, and writes to its disk. */
export const SERVE = `me=api
[ -b /dev/vda ] && me=web && echo "written by web" | dd of=/dev/vda bs=512 conv=sync,fsync 2>/dev/null
mkdir -p /www
echo "page of $me" > /www/index.html
httpd -p 80 -h /www
echo IS''SERVING
while read line; do echo "line $line"; done`

/** A port of this host that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((fulfil) => server.listen(0, '127.0.0.1', fulfil))
  const { port } = server.address() as AddressInfo
  await new Promise((fulfil) => server.close(fulfil))
  return port
}

/** The page that is served behind a port of this host. */
export async function page(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`)
  return response.text()
}
