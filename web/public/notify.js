/*
 * Mayfly's service worker. It shows what this server pushes: that a channel is on air which the person asked to be told
 * of. It looks at no request of the pages and keeps nothing.
 */
'use strict'

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()))

self.addEventListener('push', (e) => {
  let said = {}
  try {
    said = e.data.json() ?? {}
  } catch {
    // A browser that was woken has to show something.
  }
  const path = /^\/[a-z0-9-]{2,40}$/.test(said.path) ? said.path : '/'
  const icon = /^\/assets\/channels\/[a-z0-9-]+\/[0-9a-f]+\.(jpg|png)$/.test(said.icon) ? said.icon : undefined
  e.waitUntil(self.registration.showNotification(String(said.title || 'A channel is on air'), { body: String(said.body || ''), tag: `mayfly${path}`, icon, data: { path } }))
})

self.addEventListener('notificationclick', (e) => {
  e.notification.close()
  const to = new URL(e.notification.data?.path ?? '/', self.location.origin).href
  e.waitUntil(
    self.clients.matchAll({ type: 'window', includeUncontrolled: true }).then((pages) => {
      const there = pages.find((p) => p.url.split(/[?#]/)[0] === to)
      return there ? there.focus() : self.clients.openWindow(to)
    }),
  )
})
