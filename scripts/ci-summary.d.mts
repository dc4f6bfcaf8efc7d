interface AssertionResult {
  ancestorTitles: string[];
  title: string;
  status: string;
  failureMessages?: string[];
}
interface Report {
  testResults: { name: string; status: string; message?: string; assertionResults: AssertionResult[] }[];
}
export function allowedSkips(text: string, isRoot: boolean): string[];
export function summarize(input: {
  steps: readonly { name: string; code: number; seconds: number }[];
  seconds: number;
  tests: Report | null;
  check: readonly { name: string; passed: boolean }[] | null;
  allowed: readonly string[];
}): { lines: string[]; failed: number };
