import type { HTMLAttributes } from 'preact'

type Custom = HTMLAttributes<HTMLElement> & Record<string, unknown>

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'media-controller': Custom
      'media-play-button': Custom
      'media-mute-button': Custom
      'media-volume-range': Custom
      'media-fullscreen-button': Custom
      'media-pip-button': Custom
    }
  }
}
