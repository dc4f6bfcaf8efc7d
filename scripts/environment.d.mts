export function scrubbedEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  keep: readonly string[],
): Record<string, string | undefined>;
