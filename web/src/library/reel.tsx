import { useEffect, useRef } from 'preact/hooks'
import { fetched } from '../again'

/** Plays a clip from its playlist, with the browser's own controls. */
export function Reel({ url, label, video }: { url: string; label: string; video: { current: HTMLVideoElement | null } }) {
  const own = useRef(0)
  useEffect(() => {
    const turn = ++own.current
    let close = () => {}
    void fetched(() => import('hls.js/light')).then(({ default: Hls }) => {
      if (turn !== own.current || video.current === null) return
      if (!Hls.isSupported()) {
        video.current.src = url
        return
      }
      const hls = new Hls({ enableWorker: false, maxBufferLength: 20, backBufferLength: 20, startPosition: 0 })
      hls.attachMedia(video.current)
      hls.loadSource(url)
      close = () => hls.destroy()
    })
    return () => {
      own.current++
      close()
    }
  }, [url])
  return <video ref={video} class="reel" controls playsInline aria-label={label} />
}
