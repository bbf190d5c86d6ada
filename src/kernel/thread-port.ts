/** The way to another thread of this program. Messages arrive in the order in which they were sent, as copies. */
export type ThreadPort = {
  send(message: unknown): void;
  onMessage(listen: (message: unknown) => void): void;
};
