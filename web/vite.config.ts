import { defineConfig } from 'vite'

// Eleven pages. The content security policy allows no inline script, and vite writes none.
export default defineConfig({
  appType: 'mpa',
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
