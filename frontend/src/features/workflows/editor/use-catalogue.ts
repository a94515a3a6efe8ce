/** What the project has that a definition can name, for the editor's offers. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { commandsQuery } from "@/lib/api/commands";
import { agentNamesQuery, definitionSchemaQuery } from "@/lib/api/definitions";
import { workflowsQuery } from "@/lib/api/workflows";
import type { Catalogue } from "./complete";

export function useCatalogue(): Catalogue {
  const { data: schema } = useQuery(definitionSchemaQuery());
  const { data: commands } = useQuery(commandsQuery());
  const { data: agents } = useQuery(agentNamesQuery());
  const { data: workflows } = useQuery(workflowsQuery());
  return useMemo(
    () => ({
      schema,
      commands: (commands ?? []).map(({ name, title, parameters }) => ({ name, title, input: parameters })),
      agents: (agents ?? []).map(({ slug, name }) => ({ name: slug, title: name })),
      workflows: (workflows ?? []).map(({ slug, name, input }) => ({ name: slug, title: name, input })),
    }),
    [schema, commands, agents, workflows],
  );
}
