/** An OpenAPI 3 document, read as far as the page shows it. Pure. */

export interface Field {
  name: string
  kind: string
  required: boolean
  text: string
}

export interface Operation {
  id: string
  method: string
  path: string
  summary: string
  description: string
  token: boolean
  parameters: Field[]
  body: Field[]
  answers: { status: string; text: string }[]
  curl: string
}

export interface Spec {
  title: string
  version: string
  description: string
  groups: { name: string; operations: Operation[] }[]
}

type Json = Record<string, unknown>

const obj = (v: unknown): Json => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Json) : {})
const arr = (v: unknown): unknown[] => (Array.isArray(v) ? v : [])
const str = (v: unknown): string => (typeof v === 'string' ? v : '')

const methods = ['get', 'post', 'put', 'patch', 'delete']

export function readSpec(v: unknown, origin: string): Spec {
  const doc = obj(v)
  const info = obj(doc['info'])
  const groups = new Map<string, Operation[]>()
  for (const [path, item] of Object.entries(obj(doc['paths']))) {
    for (const method of methods) {
      const o = obj(item)[method]
      if (o === undefined) continue
      const group = str(arr(obj(o)['tags'])[0])
      groups.set(group, [...(groups.get(group) ?? []), readOperation(doc, path, method, obj(item), obj(o), origin)])
    }
  }
  return {
    title: str(info['title']) || 'API',
    version: str(info['version']),
    description: str(info['description']),
    groups: [...groups].map(([name, operations]) => ({ name, operations })),
  }
}

/** Follows a reference inside the document. A circle or a wrong reference ends in an empty object. */
function deref(doc: Json, v: unknown, depth = 0): Json {
  const o = obj(v)
  const ref = str(o['$ref'])
  if (!ref.startsWith('#/') || depth > 8) return ref ? {} : o
  let at: unknown = doc
  for (const key of ref.slice(2).split('/')) at = obj(at)[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  return deref(doc, at, depth + 1)
}

function readOperation(doc: Json, path: string, method: string, item: Json, o: Json, origin: string): Operation {
  const parameters = [...arr(item['parameters']), ...arr(o['parameters'])].map((p) => {
    const q = deref(doc, p)
    return { name: str(q['name']), kind: `${kindOf(doc, q['schema'])} in ${str(q['in'])}`, required: q['required'] === true, text: str(q['description']) }
  })
  const content = obj(deref(doc, o['requestBody'])['content'])
  const bodySchema = deref(doc, obj(content['application/json'] ?? Object.values(content)[0])['schema'])
  const token = arr(o['security'] ?? doc['security']).some((s) => Object.keys(obj(s)).length > 0)
  return {
    id: str(o['operationId']) || `${method}${path.replace(/[^a-z0-9]+/gi, '-')}`,
    method: method.toUpperCase(),
    path,
    summary: str(o['summary']),
    description: str(o['description']),
    token,
    parameters,
    body: fieldsOf(doc, bodySchema),
    answers: Object.entries(obj(o['responses'])).map(([status, a]) => ({ status, text: str(deref(doc, a)['description']) })),
    curl: curl(doc, method, path, token, bodySchema, origin),
  }
}

function fieldsOf(doc: Json, schema: Json): Field[] {
  const required = new Set(arr(schema['required']).map(str))
  return Object.entries(obj(schema['properties']))
    .filter(([name, p]) => name !== '$schema' && obj(p)['readOnly'] !== true)
    .map(([name, p]) => ({ name, kind: kindOf(doc, p), required: required.has(name), text: str(obj(p)['description']) || str(deref(doc, p)['description']) }))
}

function kindOf(doc: Json, v: unknown): string {
  const s = deref(doc, v)
  const type = Array.isArray(s['type']) ? s['type'].filter((t) => t !== 'null').map(str).join(' or ') : str(s['type'])
  if (type === 'array') return `list of ${kindOf(doc, s['items'])}`
  const values = arr(s['enum']).map(String)
  if (values.length > 0) return values.join(' | ')
  return str(s['format']) && type === 'string' ? `${type} (${str(s['format'])})` : type || 'object'
}

function curl(doc: Json, method: string, path: string, token: boolean, body: Json, origin: string): string {
  const lines = [`curl${method === 'get' ? '' : ` -X ${method.toUpperCase()}`} ${origin}${path}`]
  if (token) lines.push(`-H "Authorization: Bearer $MAYFLY_ADMIN_TOKEN"`)
  const fields = obj(body['properties'])
  if (Object.keys(fields).length > 0) {
    lines.push(`-H "Content-Type: application/json"`, `-d '${JSON.stringify(sample(doc, body, 0)).replaceAll("'", "'\\''")}'`)
  }
  return lines.join(' \\\n  ')
}

/** A body that could be sent: what is required, or else the first field. */
function sample(doc: Json, v: unknown, depth: number): unknown {
  const s = deref(doc, v)
  const given = s['example'] ?? arr(s['examples'])[0] ?? s['default'] ?? arr(s['enum'])[0]
  if (given !== undefined) return given
  const type = Array.isArray(s['type']) ? str(s['type'].find((t) => t !== 'null')) : str(s['type'])
  if (depth > 4) return null
  switch (type) {
    case 'array':
      return [sample(doc, s['items'], depth + 1)]
    case 'integer':
    case 'number':
      return 1
    case 'boolean':
      return true
    case 'string':
      return '…'
  }
  const required = arr(s['required']).map(str)
  const properties = Object.entries(obj(s['properties'])).filter(([k, p]) => k !== '$schema' && obj(p)['readOnly'] !== true)
  const wanted = properties.filter(([k]) => required.includes(k))
  const chosen = wanted.length > 0 ? wanted : properties.slice(0, 1)
  return Object.fromEntries(chosen.map(([k, p]) => [k, sample(doc, p, depth + 1)]))
}
