import { readFileSync } from 'node:fs'
import { defineConfig } from 'vite'

const head = readFileSync(new URL('src/head.txt', import.meta.url), 'utf8')

// The content security policy allows no script in the pages but internal/api/guard.js, and vite writes none.
export default defineConfig({
  appType: 'mpa',
  plugins: [{
    name: 'what the head of every page begins with',
    transformIndexHtml: { order: 'pre', handler: (page) => page.replace('<!--every page-->\n', head) },
  }],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700, // hls.js has a chunk of its own, loaded when there is something to play
    rolldownOptions: {
      input: {
        index: 'index.html', watch: 'watch.html', embed: 'embed.html', docs: 'docs.html', demo: 'demo.html',
        login: 'login.html', operate: 'operate.html', studio: 'studio.html', camera: 'camera.html',
        library: 'library.html', recording: 'recording.html', figures: 'figures.html',
      },
    },
  },
})
