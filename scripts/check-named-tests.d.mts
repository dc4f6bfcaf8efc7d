interface AssertionResult {
  ancestorTitles: string[];
  title: string;
  status: string;
}
export const promised: readonly string[];
export function namedTestFaults(files: readonly { file: string; text: string }[]): string[];
export function unprovenTests(report: { testResults: { assertionResults: AssertionResult[] }[] }): string[];
