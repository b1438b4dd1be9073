import type { Session } from './session'

export type Action = 'toggle' | 'back' | 'forward' | 'louder' | 'quieter' | 'fullscreen' | 'mute' | 'live' | 'captions' | 'help'

/** What a key means to the player; null when it is none of ours or belongs to what has the focus. */
export function actionOf(key: string, modified: boolean, target: 'text' | 'button' | 'range' | 'other'): Action | null {
  if (modified || target === 'text') return null
  if (key === ' ') return target === 'button' ? null : 'toggle'
  if (target === 'range' && key.startsWith('Arrow')) return null
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case 'k': return 'toggle'
    case 'ArrowLeft': return 'back'
    case 'ArrowRight': return 'forward'
    case 'ArrowUp': return 'louder'
    case 'ArrowDown': return 'quieter'
    case 'f': return 'fullscreen'
    case 'm': return 'mute'
    case 'l': return 'live'
    case 'c': return 'captions'
    case '?': return 'help'
    default: return null
  }
}

export function kindOf(target: EventTarget | null): 'text' | 'button' | 'range' | 'other' {
  if (!(target instanceof HTMLElement)) return 'other'
  if (target instanceof HTMLInputElement) return target.type === 'range' ? 'range' : 'text'
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable) return 'text'
  if (target.closest('button, a, summary, [role=button], media-play-button, media-mute-button, media-fullscreen-button, media-pip-button')) return 'button'
  if (target.closest('media-volume-range, [role=slider]')) return 'range'
  return 'other'
}

export function perform(action: Action, session: Session, stage: HTMLElement, help: () => void): void {
  const { video } = session
  switch (action) {
    case 'toggle': return session.toggle()
    case 'back': return session.goBack(session.behind.value + 10)
    case 'forward': return session.goBack(session.behind.value - 10)
    case 'louder':
      video.volume = Math.min(1, video.volume + 0.1)
      return
    case 'quieter':
      video.volume = Math.max(0, video.volume - 0.1)
      return
    case 'mute': return session.sound(video.muted)
    case 'live': return session.goLive()
    case 'captions': return session.captions.toggle()
    case 'help': return help()
    case 'fullscreen':
      // Either may be refused, for instance in a frame that is not allowed to; then nothing happens.
      if (document.fullscreenElement) void document.exitFullscreen().catch(() => {})
      else void stage.requestFullscreen?.().catch(() => {})
  }
}
