import { describeMachine, type Machine } from "./measures/machine.ts";

/** The beginning of a section of the page: when, where and with which versions its figures were measured. */
export function describeRun(machine: Machine, versions: Record<string, string>, how: string): string {
  const [hardware, disk] = describeMachine(machine);
  return `Measured ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC, ${how}.

- ${hardware}
- ${disk}
- ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}
`;
}
