// Guests that serve a page each, and how a test on the host reaches them.

/** Serves a page, and writes to its disk. */
export const SERVE = `me=api
[ -b /dev/vda ] && me=web && echo "written by web" | dd of=/dev/vda bs=512 conv=sync,fsync 2>/dev/null
mkdir -p /www
echo "page of $me" > /www/index.html
httpd -p 80 -h /www
echo IS''SERVING
while read line; do echo "line $line"; done`

/** The page that is served behind a port of this host. */
export async function page(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`)
  return response.text()
}
