/** A part of a long page: what it is about at the left, what can be done at the right. */
export function Section({ id, title, text, children }: { id: string; title: string; text?: string; children: preact.ComponentChildren }) {
  return (
    <section class="part" aria-labelledby={id}>
      <div class="part-head">
        <h2 id={id} tabIndex={-1}>{title}</h2>
        {text && <p>{text}</p>}
      </div>
      <div class="part-body">{children}</div>
    </section>
  )
}
