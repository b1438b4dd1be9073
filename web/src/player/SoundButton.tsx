/** Browsers begin without sound: what brings it lies over the picture until somebody taps. */
export function SoundButton({ onTap }: { onTap: () => void }) {
  return (
    <button type="button" class="button sound" onClick={onTap}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4Z" />
        <path d="m16 9.5 5 5m0-5-5 5" />
      </svg>
      Tap for sound
    </button>
  )
}
