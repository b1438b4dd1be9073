import { reasonName } from '../report'
import { Badge } from '../parts'
import { call } from './api'
import { ask } from './ask'
import { Waiting, useFetched, type Fetched } from './fetched'
import { Act, Field, Form, Outcome, useTask, type Read } from './form'
import { Section } from './section'
import { moment } from './words'

interface Report {
  number: number
  at: string
  reason: string
  words?: string
  email?: string
}

interface Pile {
  channel: string
  slug: string
  last: number
  reports: Report[]
  more?: number
  title?: string
  suspended?: string
}

interface Book {
  reports: Pile[]
  suspended: { slug: string; title: string; reason: string }[]
}

/** What viewers report, and which channels nobody may watch. */
export function Reports() {
  const book = useFetched<Book>('/reports', 30_000)
  const b = book.value.value
  const suspendOne = async (read: Read) => {
    await call('PUT', `/channels/${encodeURIComponent(read('slug').trim().replace(/^\//, ''))}/suspension`, { reason: read('reason').trim() })
    await book.again()
    return 'It is suspended.'
  }
  return (
    <Section id="reports" title="Reports and suspensions" text="What viewers report of channels, and the channels that nobody may watch or publish to. Who works on one reads the reason in the studio.">
      <Waiting of={book} />
      {b !== null && b.reports.length === 0 && <p class="dim">Nobody has reported anything.</p>}
      {b !== null && b.reports.length > 0 && <ul class="lines piles">{b.reports.map((p) => <Reported key={p.channel} p={p} book={book} />)}</ul>}
      {b !== null && b.suspended.length > 0 && (
        <>
          <h3>Suspended</h3>
          <ul class="lines">{b.suspended.map((s) => <Suspended key={s.slug} slug={s.slug} title={s.title} reason={s.reason} book={book} />)}</ul>
        </>
      )}
      {b !== null && (
        <details class="more">
          <summary>Suspend a channel</summary>
          <Form word="Suspend" look="danger" does={suspendOne} clear>
            <Field name="slug" label={`Address: ${location.host}/`} maxLength={40} />
            <Field name="reason" label="Reason" maxLength={500} hint="The people who work on the channel read it, and so do encoders." />
          </Form>
        </details>
      )}
    </Section>
  )
}

function Reported({ p, book }: { p: Pile; book: Fetched<Book> }) {
  const task = useTask()
  const title = p.title ?? p.slug
  const dismiss = async () => {
    // What came after these reports stays to be read.
    const last = p.more ? p.last : Math.max(...p.reports.map((r) => r.number))
    await call('POST', `/reports/${encodeURIComponent(p.channel)}/dismiss`, { last })
    await book.again()
  }
  const suspend = () => ask({
    title: `Suspend ${title}?`, danger: true, word: 'Suspend', text: 'Nobody can watch it from now on, and who publishes is sent away. The reports count as answered.',
    field: <Field name="reason" label="Reason" maxLength={500} hint="The people who work on the channel read it." />,
    does: async (read) => {
      await call('PUT', `/channels/${encodeURIComponent(p.slug)}/suspension`, { reason: read('reason') })
      await dismiss()
      return `${title} is suspended.`
    },
  })
  return (
    <li>
      <span class="line-words">
        <span class="line-head">
          <strong class="long">{title}</strong>
          {p.title === undefined ? <Badge kind="off">Deleted</Badge> : p.suspended && <Badge kind="off">Suspended</Badge>}
          <a href={`/${p.slug}`}>/{p.slug}</a>
        </span>
        <ul class="reports">
          {p.reports.map((r) => (
            <li key={r.number}>
              <span><strong>{reasonName(r.reason)}</strong> <time class="dim" dateTime={r.at}>{moment(r.at)}</time></span>
              {r.words && <span class="long">{r.words}</span>}
              {r.email && <a class="long" href={`mailto:${encodeURIComponent(r.email)}`}>{r.email}</a>}
            </li>
          ))}
          {p.more ? <li class="dim">and {p.more} more</li> : null}
        </ul>
      </span>
      <span class="row">
        {p.title !== undefined && !p.suspended && <button type="button" class="button danger" aria-label={`Suspend ${title}`} onClick={suspend}>Suspend</button>}
        <Act task={task} word="Dismiss" label={`Dismiss the reports of ${title}`} does={dismiss} />
      </span>
      <Outcome task={task} />
    </li>
  )
}

function Suspended({ slug, title, reason, book }: { slug: string; title: string; reason: string; book: Fetched<Book> }) {
  const task = useTask()
  const lift = async () => {
    await call('DELETE', `/channels/${encodeURIComponent(slug)}/suspension`)
    await book.again()
  }
  return (
    <li>
      <span class="line-words"><strong class="long">{title}</strong><span class="dim long">/{slug}: {reason}</span></span>
      <Act task={task} word="Lift it" label={`Lift the suspension of ${title}`} does={lift} />
      <Outcome task={task} />
    </li>
  )
}
