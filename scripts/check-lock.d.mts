interface LockEntry {
  version?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}
export function lockFaults(lock: { packages: Record<string, LockEntry> }): string[];
