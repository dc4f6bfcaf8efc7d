/** One line of JSON to the fork server: start this. */
export interface ForkRequest {
  /** Names the child, and what its streams say first when they connect. 32 hexadecimal digits, hard to guess. */
  token: string;
  file: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
}

/** What to start. The environment is the child's whole one, and where its PATH is looked up. */
export type ForkCommand = Omit<ForkRequest, 'token'>;

/** Why nothing was started. `streams`: the two processes did not come together, whatever the child is. */
export interface ForkFault {
  of: 'streams' | 'child';
  code: string | undefined;
  message: string;
}

/** One line of JSON from it. */
export type ForkReply =
  | { token: string; pid: number }
  | { token: string; error: ForkFault }
  | { token: string; exit: ChildExit };

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A stream connects and says the child's token and which of the three it is. */
export const GREETING_BYTES = 33;
