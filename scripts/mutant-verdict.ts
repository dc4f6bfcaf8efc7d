import { z } from 'zod';

const vitestReport = z.object({
  testResults: z.array(
    z.object({
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()),
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});
export type VitestReport = z.infer<typeof vitestReport>;

export function parseReport(text: string): VitestReport | null {
  const parsed = vitestReport.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** `red`: by its own assertion or its own stated timeout. Everything else that is not green proves nothing. */
export type Verdict = { result: 'green' | 'red' | 'broken'; why: string };

/** How the test of this title ended. */
export function verdictOf(report: VitestReport | null, title: string): Verdict {
  if (report === null) return { result: 'broken', why: 'no report: the run did not end by itself' };
  const found = report.testResults
    .flatMap((file) => file.assertionResults)
    .filter((result) => isCalled(result, title));
  if (found.length === 0) {
    const unloaded = report.testResults.find((file) => file.assertionResults.length === 0);
    return {
      result: 'broken',
      why: `no test has this title${unloaded === undefined ? '' : `; ${firstLine(unloaded.message)}`}`,
    };
  }
  if (found.every(({ status }) => status === 'passed')) return { result: 'green', why: '' };
  const messages = found
    .filter(({ status }) => status === 'failed')
    .flatMap(({ failureMessages }) => failureMessages ?? []);
  const own = messages.find(isOwnFailure);
  if (own !== undefined) return { result: 'red', why: firstLine(own) };
  return { result: 'broken', why: firstLine(messages[0]) || `it was ${found[0]?.status}` };
}

function isCalled(result: { ancestorTitles: string[]; title: string }, title: string): boolean {
  return result.title === title || [...result.ancestorTitles, result.title].join(' > ') === title;
}

/** An assertion of the test (also one that fast-check reports), or a timeout that the test states; not an error that merely escaped. */
function isOwnFailure(message: string): boolean {
  return (
    /^(?:Error: )?AssertionError\b/.test(message) ||
    /^(?:Error: )?promise (?:resolved|rejected) .* instead of (?:resolving|rejecting)/.test(message) ||
    (/Property failed after \d+ tests/.test(message) && message.includes('AssertionError')) ||
    (/^(?:\w*Error: )?.*\b(?:timed out|not true within|waited \d+)\b/i.test(firstLine(message)) &&
      // The runner's own limits: a slow machine reaches them too.
      !/^(?:Error: )?(?:Test|Hook) timed out in /.test(message))
  );
}

function firstLine(text: string | undefined): string {
  return (text ?? '').split('\n')[0]?.slice(0, 160) ?? '';
}
