import { call, type Me } from '../people/api'
import { Field, Form, Heading, type Read } from '../people/form'
import { Section } from '../people/section'
import type { Channel } from './desk'
import { slugFrom } from './slug'

/** The channels that somebody works on, and a form for a new one. */
export function Home({ me }: { me: Me }) {
  const make = async (read: Read) => {
    const title = read('title').trim()
    const made = await call<Channel>('POST', '/channels', { slug: read('slug').trim() || slugFrom(title), title })
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
          <ul class="lines">
            {me.channels.map((c) => (
              <li key={c.slug}>
                <span class="line-words"><strong>{c.title}</strong><span class="dim">/{c.slug}, you are its {c.role}</span></span>
                <a class="button ghost" href={`/studio/${c.slug}`} aria-label={`Open the studio of ${c.title}`}>Open the studio</a>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section id="new" title="A new channel" text="It takes a minute: name it, then set up an encoder with the key that you get.">
        <div onInput={suggest}>
          <Form word="Make the channel" does={make}>
            <Field name="title" label="Title" maxLength={120} />
            <Field name="slug" label={`Address: ${location.host}/`} maxLength={40} hint="2 to 40 small letters, digits and hyphens." />
          </Form>
        </div>
      </Section>
    </>
  )
}
