import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** A part of a page, by its heading, and the word that leads to it. */
export interface Part {
  id: string
  word: string
  head: HTMLElement
}

/** The parts that the page has just now, from top to bottom. */
export const parts = signal<Part[]>([])

const before = (a: Part, b: Part) => (a.head.compareDocumentPosition(b.head) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1)

/** A part of a long page: what it is about at the left, what can be done at the right. word stands for the title where there is little room. */
export function Section({ id, title, word = title, text, children }: { id: string; title: string; word?: string; text?: string; children: preact.ComponentChildren }) {
  const head = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    const part = { id, word, head: head.current! }
    parts.value = [...parts.value, part].sort(before)
    return () => {
      parts.value = parts.value.filter((p) => p !== part)
    }
  }, [id, word])
  return (
    <section class="part" aria-labelledby={id}>
      <div class="part-head">
        <h2 ref={head} id={id} tabIndex={-1}>{title}</h2>
        {text && <p>{text}</p>}
      </div>
      <div class="part-body">{children}</div>
    </section>
  )
}
