import type { Session } from './session'

/** `window.mayfly`: what the player is doing, to look at and never to set. Tests and support rely on it. */
export function expose(session: Session): void {
  const view = Object.freeze({
    get slug() { return session.slug },
    get state() { return session.state.value },
    get latency() { return session.latency.value },
    get behind() { return session.behind.value },
    get currentTime() { return session.video.currentTime },
    get frames() { return session.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0 },
    get readyState() { return session.video.readyState },
    get rate() { return session.video.playbackRate },
    get stalls() { return session.stalls },
    get rebuilds() { return session.rebuilds },
    get rewound() { return session.rewound.value },
    get lastFault() { return session.lastFault },
    get player() { return session.engineName },
  })
  Object.defineProperty(window, 'mayfly', { value: view, writable: false, configurable: true })
}
