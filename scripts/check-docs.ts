/** `node scripts/check-docs.ts`: links between the documents lead somewhere, and the README stays short. */
import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const longestReadme = 120;
const skipped = /^(node_modules|\.git|\.signalbox|coverage)\//;
const link = /\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;

const faults: string[] = [];
const documents = (await readdir('.', { recursive: true })).filter(
  (file) => file.endsWith('.md') && !skipped.test(file),
);
for (const file of documents) {
  const text = (await readFile(file, 'utf8')).replaceAll(/```[\s\S]*?```/g, '');
  for (const [, target = ''] of text.matchAll(link)) {
    if (/^([a-z]+:|#)/.test(target)) continue;
    const [name = ''] = decodeURIComponent(target).split('#');
    const linked = path.join(path.dirname(file), name);
    await access(linked).catch(() => faults.push(`${file} links to ${target}, which is not there`));
  }
}
const readme = await readFile('README.md', 'utf8').catch(() => null);
if (readme === null) faults.push('there is no README.md');
else if (readme.trimEnd().split('\n').length > longestReadme)
  faults.push(`README.md has more than ${longestReadme} lines`);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
