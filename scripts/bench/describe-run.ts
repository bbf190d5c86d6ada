import { describeMachine, type Machine } from "./measures/machine.ts";

/** What a section of the page begins with: when and on what its figures were measured, and of which versions. */
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
