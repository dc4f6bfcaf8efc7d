/** What a schema in the OpenAPI document can have that matters to where text is. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly title?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface Document {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly post?: {
          readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema }>> };
        };
      }
    >
  >;
}

/** A title is text too: all that is asked of it is that it is one line. */
const ONE_LINE = '^[^\\r\\n]*$';

/** Every field of every POST body that takes any text: the route, the event if there is one, and the place in the body. */
export function textFields(document: Document): string[] {
  const fields = Object.entries(document.paths).flatMap(([url, { post }]) => {
    const schema = post?.requestBody?.content['application/json']?.schema;
    if (schema === undefined) return [];
    const route = `POST ${url}`;
    const { oneOf } = resolved(document, schema);
    if (url.endsWith('/events'))
      return (oneOf ?? []).flatMap((event) =>
        placesIn(document, event, '').map((place) => `${route} ${event.title ?? ''} ${place}`),
      );
    return placesIn(document, schema, '').map((place) => `${route} ${place}`);
  });
  return [...new Set(fields)];
}

/** The texts of a body under the names of their fields. */
export function textsIn(address: string, body: object): [field: string, text: string][] {
  const url = address.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '{id}');
  const type = url.endsWith('/events') && 'type' in body ? `${String(body.type)} ` : '';
  return leavesOf(body, '')
    .filter(([, text]) => text.includes('<'))
    .map(([place, text]) => [`POST ${url} ${type}${place}`, text]);
}

function placesIn(document: Document, schema: Schema, place: string): string[] {
  const {
    type,
    properties = {},
    items,
    oneOf = [],
    anyOf = [],
    allOf = [],
    ...rest
  } = resolved(document, schema);
  const isText =
    type === 'string' &&
    rest.enum === undefined &&
    rest.const === undefined &&
    rest.format === undefined &&
    (rest.pattern === undefined || rest.pattern === ONE_LINE);
  return [
    ...(isText ? [place] : []),
    ...Object.entries(properties).flatMap(([name, of]) => placesIn(document, of, join(place, name))),
    ...(items === undefined ? [] : placesIn(document, items, `${place}[]`)),
    ...[...oneOf, ...anyOf, ...allOf].flatMap((choice) => placesIn(document, choice, place)),
  ];
}

function resolved(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? schema);
}

function leavesOf(value: unknown, place: string): [string, string][] {
  if (typeof value === 'string') return [[place, value]];
  if (Array.isArray(value)) return value.flatMap((item) => leavesOf(item, `${place}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, of]) => leavesOf(of, join(place, name)));
}

function join(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`;
}
