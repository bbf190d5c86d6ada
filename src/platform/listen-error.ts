import { type Address, formatAddress } from "../kernel/address.ts";

/** The address cannot be listened on; the message says which and why. */
export class ListenError extends Error {
  override name = "ListenError";
}

export function listening<Server>(address: Address, listen: () => Server): Server {
  try {
    return listen();
  } catch (cause) {
    throw listenError(address, cause);
  }
}

export function listenError(address: Address, cause: unknown): ListenError {
  const reason = cause instanceof Error && "code" in cause ? cause.code : String(cause);
  return new ListenError(`cannot listen on ${formatAddress(address)}: ${reason}`, { cause });
}
