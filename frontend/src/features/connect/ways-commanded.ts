/** Ways in for agents that take commands: REST, the SDK and MCP. */
import type { Filled, Way } from "./ways";

/** examples/agent.sh, word for word; a test compares them. */
export const agentScript = String.raw`#!/bin/sh
# A whole agent: registers, waits for work, reports, finishes. MC_KEY is an API key with scope "agent".
set -eu
: "${"$"}{MC_URL:=http://127.0.0.1:8000}" "${"$"}{MC_NAME:=shell-agent}" "${"$"}{MC_KEY:?set it to an API key with scope agent}"
post() { curl -sSf -X POST "$MC_URL/api/v1/$1" -H "Authorization: Bearer $MC_KEY" -H 'Content-Type: application/json' -d "$2"; }
field() { printf '%s' "$2" | sed -nE "s/.*\"$1\":(\"(([^\"\\\\]|\\\\.)*)\"|([0-9]+)).*/\2\4/p"; }
id=$(field id "$(post agents/register/ "{\"name\":\"$MC_NAME\",\"type\":\"shell\",\"capabilities\":[\"summarising\"]}")")
echo "registered as $id; waiting for work"
while post "agents/$id/heartbeat/" '{"status":"idle"}' >/dev/null; do
  work=$(post "agents/$id/claims/?wait=25" '{}')
  [ -n "$work" ] || continue
  run="command-runs/$(field id "${"$"}{work%%\"command\"*}")" fence=$(field fence "$work")
  post "$run/progress/" "{\"fence\":$fence,\"progress\":50,\"message\":\"counting\"}"
  post "$run/result/" "{\"fence\":$fence,\"output\":{\"text\":\"$(field text "$work" | wc -w) words\"}}"
done
`;

/** As in sdk/python/README.md, with the agent's name; a test compares them. */
export const sdkProgram = (agent: string) => `from mission_control import Agent

agent = Agent(${JSON.stringify(agent)})


@agent.command("text.summarise", capabilities=["summarising"])
def summarise(work):
    work.progress(50, "reading")
    return {"text": work.input["text"][:200]}


agent.run()
`;

/** In single quotes for a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const mcpServers = ({ origin, key, agent }: Filled, type?: string) =>
  JSON.stringify(
    {
      mcpServers: {
        "mission-control": {
          ...(type && { type }),
          url: `${origin}/mcp`,
          headers: {
            Authorization: `Bearer ${key}`,
            "X-Agent-Name": agent,
            "X-Agent-Type": "coding",
            "X-Agent-Capabilities": "coding,review",
          },
        },
      },
    },
    null,
    2,
  );

const codexMcp = ({ origin, agent }: Filled) => `[mcp_servers.mission-control]
url = "${origin}/mcp"
bearer_token_env_var = "MC_KEY"
http_headers = { "X-Agent-Name" = ${JSON.stringify(agent)}, "X-Agent-Type" = "coding", "X-Agent-Capabilities" = "coding,review" }
tool_timeout_sec = 60`;

export const commanded: Way[] = [
  {
    id: "shell",
    name: "Shell",
    who: "sh and curl, nothing to install",
    group: "commanded",
    scopes: ["agent"],
    agent: "shell-agent",
    parts: ({ origin, key, agent }) => [
      {
        title: "Shell",
        text: `cat > agent.sh <<'END'\n${agentScript}END\nMC_URL=${quoted(origin)} MC_NAME=${quoted(agent)} MC_KEY=${key} sh agent.sh`,
      },
    ],
    notes: [
      "Registers, waits for commands that ask for summarising, counts words, reports. Replace the counting by your work.",
    ],
  },
  {
    id: "python",
    name: "Python SDK",
    who: "a decorator and a worker",
    group: "commanded",
    scopes: ["agent"],
    agent: "my-agent",
    parts: ({ origin, key, agent }) => [
      { title: "my_agent.py", text: sdkProgram(agent) },
      {
        title: "Shell, in a checkout of Mission Control",
        text: `pip install ./sdk/python\nMC_URL=${quoted(origin)} MC_KEY=${key} python my_agent.py`,
      },
    ],
    notes: [
      "Keeps the lease, hears of cancellation, and sends results later when the server is away for a while.",
    ],
  },
  {
    id: "mcp",
    name: "MCP client",
    who: "Claude Code, Codex, Cursor",
    group: "commanded",
    scopes: ["agent", "read", "run"],
    agent: "coding-agent",
    parts: (filled) => [
      {
        title: "Claude Code: .mcp.json in the project",
        text: mcpServers(filled, "http"),
      },
      { title: "Cursor: .cursor/mcp.json", text: mcpServers(filled) },
      {
        title: "Codex: ~/.codex/config.toml, and the key in its environment",
        text: `${codexMcp(filled)}\n\n# in the shell that starts Codex:\n#   export MC_KEY=${filled.key}`,
      },
      {
        title: "Then say to the model",
        text: "Work for Mission Control: call whoami, then take commands with next_command until I stop you.",
      },
    ],
    notes: [
      "The agent is there after its first call of whoami. Configuration files with a key in them do not belong into a repository.",
    ],
  },
];
