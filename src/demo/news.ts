interface News {
  readonly project: string;
  readonly commits: readonly { readonly oid: string; readonly subject: string }[];
  readonly more: boolean;
}

/** The commits that a refused approval did not name, one a line, as the details of the refusal have them. */
export function newsLines(details: Readonly<Record<string, unknown>>): string[] {
  const news = (details['news'] ?? []) as readonly News[];
  return news.flatMap(({ project, commits, more }) => [
    ...commits.map(({ oid, subject }) => `${project} ${oid.slice(0, 8)} ${subject}`),
    ...(more ? [`${project} and more`] : []),
  ]);
}
