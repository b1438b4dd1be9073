import { call, type Me } from '../people/api'
import { useFetched, Waiting } from '../people/fetched'
import { Field, Form, Heading, type Read } from '../people/form'
import { Section } from '../people/section'
import { CategoryChoice, LanguageChoice, ownLanguage, Words } from './choices'
import type { Channel } from './desk'
import { slugFrom } from './slug'

/** The channels that somebody works on, and a form for a new one. */
export function Home({ me }: { me: Me }) {
  const make = async (read: Read) => {
    const title = read('title').trim()
    const made = await call<Channel>('POST', '/channels', {
      slug: read('slug').trim() || slugFrom(title), title, description: read('description').trim(), category: read('category'), language: read('language'),
    })
    location.assign(`/studio/${made.slug}`)
  }
  const suggest = (e: Event) => {
    const title = e.target
    const form = title instanceof HTMLInputElement && title.name === 'title' ? title.form : null
    const slug = form?.elements.namedItem('slug')
    if (title instanceof HTMLInputElement && slug instanceof HTMLInputElement && slug.dataset['own'] === undefined) slug.value = slugFrom(title.value)
    if (title instanceof HTMLInputElement && title.name === 'slug') title.dataset['own'] = 'yes'
  }
  return (
    <>
      <Heading title="Your studio" />
      {me.channels.length > 0 && (
        <Section id="mine" title="Your channels">
          <ul class="lines">{me.channels.map((c) => <Line key={c.slug} slug={c.slug} title={c.title} words={`you are its ${c.role}`} />)}</ul>
        </Section>
      )}
      {me.operator && <Others me={me} />}
      <Section id="new" title="A new channel" text="It takes a minute: name it, then set up an encoder with the key that you get. Everything can be changed later but the address.">
        <div class="narrow" onInput={suggest}>
          <Form word="Make the channel" does={make}>
            <Field name="title" label="Title" maxLength={120} />
            <Field name="slug" label={`Address: ${location.host}/`} maxLength={40} hint="2 to 40 small letters, digits and hyphens." />
            <Words name="description" label="Description, if you like" value="" rows={2} />
            <CategoryChoice />
            <LanguageChoice value={ownLanguage()} />
          </Form>
        </div>
      </Section>
    </>
  )
}

/** More than this nobody looks through. */
const most = 100

/** The channels that an operator may work on without a role in them. */
function Others({ me }: { me: Me }) {
  const list = useFetched<{ channels: Channel[] }>('/channels')
  const others = list.value.value?.channels.filter((c) => !me.channels.some((mine) => mine.slug === c.slug)) ?? []
  if (list.value.value !== null && others.length === 0) return null
  return (
    <Section id="others" title={me.channels.length > 0 ? 'Other channels' : 'Channels of this server'} text="As an operator you may work on every channel of this server.">
      <Waiting of={list} />
      {others.length > most && <p class="dim">The first {most} of {others.length}; the others have their studio at /studio/ADDRESS.</p>}
      <ul class="lines">{others.slice(0, most).map((c) => <Line key={c.slug} slug={c.slug} title={c.title} words={c.state === 'live' ? 'on air' : 'off air'} />)}</ul>
    </Section>
  )
}

function Line({ slug, title, words }: { slug: string; title: string; words: string }) {
  return (
    <li>
      <span class="line-words"><strong>{title}</strong><span class="dim">/{slug}, {words}</span></span>
      <a class="button ghost" href={`/studio/${slug}`} aria-label={`Open the studio of ${title}`}>Open the studio</a>
    </li>
  )
}
