/**
 * HTML as a value: what is put into a template is text, and escaped, unless it is markup already.
 */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => entities[character]!)

type Part = Markup | string | number | ReadonlyArray<Markup> | undefined

const textOf = (part: Part): string =>
  part === undefined
    ? ""
    : part instanceof Markup
    ? part.text
    : typeof part === "string" || typeof part === "number"
    ? escaped(String(part))
    : part.map(({ text }) => text).join("")

export const html = (strings: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Markup =>
  new Markup(strings.reduce((text, string, i) => text + textOf(parts[i - 1]) + string))
