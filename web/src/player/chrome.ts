// The controls that are used, and no others. Loaded beside hls.js, after the page is drawn.
import 'media-chrome/dist/media-controller.js'
import 'media-chrome/dist/media-play-button.js'
import 'media-chrome/dist/media-mute-button.js'
import 'media-chrome/dist/media-volume-range.js'
import 'media-chrome/dist/media-fullscreen-button.js'
import 'media-chrome/dist/media-pip-button.js'
