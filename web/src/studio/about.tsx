import { call } from '../people/api'
import { Field, Form, type Read } from '../people/form'
import { Section } from '../people/section'
import { CategoryChoice, LanguageChoice, tagsIn, Words } from './choices'
import { channel, take, type Channel } from './desk'

/** What the channel is called and what it is about. */
export function About() {
  const c = channel.value!
  const save = async (read: Read) => {
    take(await call<Channel>('PATCH', `/channels/${encodeURIComponent(c.slug)}`, {
      title: read('title').trim(), description: read('description').trim(), category: read('category'), language: read('language'), tags: tagsIn(read('tags')),
    }))
    return 'Saved.'
  }
  return (
    <Section id="about" title="About the channel" word="About" text="What the guide and the watch page say of it, and find it by.">
      <Form word="Save" does={save}>
        <Field name="title" label="Title" value={c.title} maxLength={120} />
        <Words name="description" label="Description" value={c.description ?? ''} />
        <CategoryChoice value={c.category} />
        <LanguageChoice value={c.language} />
        <Field name="tags" label="Tags" value={(c.tags ?? []).join(', ')} required={false} maxLength={400} hint="Divided by commas, 10 at most, such as choir, evensong." />
      </Form>
    </Section>
  )
}
