/** What a rename does in any state that takes it: the title is a row, and neither key nor branch follows it. */
export const putTitle = {
  actions: {
    type: 'title.put',
    params: ({ event }: { event: { title: string } }) => ({ title: event.title }),
  },
} as const;
