/** What clients read instead of state names. */
export type Tag = 'waiting' | 'claimable' | 'leased' | 'busy' | 'needs_you' | 'settled';
