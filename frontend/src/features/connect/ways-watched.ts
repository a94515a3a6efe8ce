/** Ways in for agents that are watched by their telemetry and go on as they are. */
import type { Filled, Way } from "./ways";
import { quoted } from "./ways-commanded";

const environment = (
  { origin, key, agent }: Filled,
  isNamed = true,
) => `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20${key}"
export OTEL_BSP_SCHEDULE_DELAY=1000${isNamed ? `\nexport OTEL_SERVICE_NAME=${quoted(agent)}` : ""}`;

const provider = `from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
`;

const install = (names: string) =>
  `pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http ${names}`;

const WATCHED = "Telemetry shows what the agent does; it cannot be given commands this way.";

export const watched: Way[] = [
  {
    id: "opentelemetry",
    name: "OpenTelemetry",
    who: "any program that exports OTLP",
    group: "watched",
    scopes: ["ingest"],
    agent: "my-agent",
    parts: (filled) => [
      { title: "Environment of the program", text: environment(filled) },
      {
        title: "A first span, to see that it works",
        text: `${install(
          "",
        ).trim()}\npython - <<'END'\n${provider}\nwith trace.get_tracer("try").start_as_current_span(${JSON.stringify(`invoke_agent ${filled.agent}`)}) as span:\n    span.set_attribute("gen_ai.operation.name", "invoke_agent")\n    span.set_attribute("gen_ai.agent.name", ${JSON.stringify(filled.agent)})\nprovider.shutdown()\nEND`,
      },
    ],
    notes: [
      WATCHED,
      "Spans that follow the GenAI conventions, OpenInference or OpenLLMetry become activities with tools, tokens and cost; others are kept for the waterfall.",
    ],
  },
  {
    id: "claude-code",
    name: "Claude Code",
    who: "by environment variables",
    group: "watched",
    scopes: ["ingest"],
    agent: "claude-code",
    parts: (filled) => [
      {
        title: "Shell",
        text: `export CLAUDE_CODE_ENABLE_TELEMETRY=1
export OTEL_LOGS_EXPORTER=otlp
${environment(filled, false).replace("\nexport OTEL_BSP_SCHEDULE_DELAY=1000", "\nexport OTEL_LOGS_EXPORT_INTERVAL=1000")}
export OTEL_LOG_USER_PROMPTS=1   # shows what it is at; leave it out to keep prompts private
claude`,
      },
    ],
    notes: [WATCHED, "To give it commands, connect it as an MCP client; both together work."],
  },
  {
    id: "codex",
    name: "Codex",
    who: "by its config.toml",
    group: "watched",
    scopes: ["ingest"],
    agent: "codex",
    parts: ({ origin, key }) => [
      {
        title: "~/.codex/config.toml",
        text: `[otel]
log_user_prompt = true   # shows what it is at; false keeps prompts private
exporter = { otlp-http = { endpoint = "${origin}/v1/logs", protocol = "binary", headers = { "Authorization" = "Bearer ${key}" } } }`,
      },
    ],
    notes: [WATCHED, "To give it commands, connect it as an MCP client; both together work."],
  },
  {
    id: "pydantic-ai",
    name: "Pydantic AI",
    who: "two lines of Python",
    group: "watched",
    scopes: ["ingest"],
    agent: "my-agents",
    parts: (filled) => [
      { title: "Shell", text: `${install("pydantic-ai")}\n${environment(filled)}` },
      {
        title: "Python, before the first run",
        text: `${provider}
from pydantic_ai import Agent

Agent.instrument_all()`,
      },
    ],
    notes: [WATCHED, 'Give each Agent a name: Agent(…, name="reviewer").'],
  },
  {
    id: "langchain",
    name: "LangChain, LangGraph",
    who: "OpenInference",
    group: "watched",
    scopes: ["ingest"],
    agent: "my-chain",
    parts: (filled) => [
      {
        title: "Shell",
        text: `${install("openinference-instrumentation-langchain")}\n${environment(filled)}`,
      },
      {
        title: "Python, before the first run",
        text: `${provider}
from openinference.instrumentation.langchain import LangChainInstrumentor

LangChainInstrumentor().instrument(tracer_provider=provider)`,
      },
    ],
    notes: [WATCHED],
  },
  {
    id: "openai-agents",
    name: "OpenAI Agents",
    who: "OpenInference",
    group: "watched",
    scopes: ["ingest"],
    agent: "my-agents",
    parts: (filled) => [
      {
        title: "Shell",
        text: `${install("openinference-instrumentation-openai-agents")}\n${environment(filled)}`,
      },
      {
        title: "Python, before the first run",
        text: `${provider}
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)`,
      },
    ],
    notes: [WATCHED],
  },
];
