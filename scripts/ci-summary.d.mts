interface AssertionResult {
  ancestorTitles: string[];
  title: string;
  status: string;
}
interface Report {
  testResults: { name: string; status: string; message?: string; assertionResults: AssertionResult[] }[];
}
export function summarize(input: {
  steps: readonly { name: string; code: number }[];
  tests: Report | null;
  check: readonly { name: string; passed: boolean }[] | null;
  allowed: readonly string[];
}): { lines: string[]; failed: number };
