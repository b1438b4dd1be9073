/** Where channels, media and API are: the server of the page itself, unless the page says otherwise before it draws. */
let base = ''

export function channelsAt(origin: string): void {
  base = origin.replace(/\/+$/, '')
}

export const at = (path: string): string => base + path
