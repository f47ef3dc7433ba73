/** The end of a task's id: its beginning is the time, and the same for tasks that were submitted together. */
export const shortTaskId = (taskId: string): string => `…${taskId.slice(-8)}`;
