// An OpenAI-compatible chat server around one small GGUF model, for demonstrations and tests on the loopback.
// One request generates at a time; the others wait their turn. Token counts are the tokens really evaluated.
import {createServer} from "node:http";
import {randomUUID} from "node:crypto";
import {basename} from "node:path";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const modelPath = process.env.LOCAL_MODEL_PATH;
const port = Number(process.argv[2] ?? process.env.LOCAL_MODEL_PORT ?? 8091);
// Threads of the library wait for each other by spinning: two of them on two busy cores took 36 s for what one did in 10 s.
const threads = Number(process.env.LOCAL_MODEL_THREADS ?? 1);
const contextSize = Number(process.env.LOCAL_MODEL_CONTEXT ?? 8192);
const maxBodyBytes = 4 * 1024 * 1024;
const modelName = process.env.LOCAL_MODEL_NAME ?? basename(modelPath ?? "", ".gguf").split(".")[0].toLowerCase();

class RequestError extends Error {
    constructor(status, message, code) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

function parseChat(body) {
    let chat;
    try {
        chat = JSON.parse(body);
    } catch {
        throw new RequestError(400, "The request body is not JSON.", "invalid_json");
    }
    if (!Array.isArray(chat.messages) || chat.messages.length === 0)
        throw new RequestError(400, "messages must be a non-empty list.", "invalid_messages");
    if (chat.model && chat.model !== modelName)
        throw new RequestError(404, `The model '${chat.model}' does not exist; this server has '${modelName}'.`, "model_not_found");
    const maxTokens = chat.max_completion_tokens ?? chat.max_tokens ?? 512;
    if (!Number.isInteger(maxTokens) || maxTokens < 1)
        throw new RequestError(400, "max_tokens must be a whole number above 0.", "invalid_max_tokens");
    return {
        messages: chat.messages.map(({role, content}) => ({role: toRole(role), content: toText(content)})),
        maxTokens,
        temperature: chat.temperature ?? 0,
        topP: chat.top_p ?? 0.95,
        seed: chat.seed ?? 1,
        stream: chat.stream === true,
        includeUsage: chat.stream_options?.include_usage === true
    };
}

function toRole(role) {
    if (role === "developer") return "system";
    if (["system", "user", "assistant"].includes(role)) return role;
    throw new RequestError(400, `The role '${role}' is not supported.`, "invalid_role");
}

function toText(content) {
    if (typeof content === "string") return content;
    if (Array.isArray(content) && content.every((part) => part.type === "text"))
        return content.map((part) => part.text).join("\n");
    throw new RequestError(400, "content must be text.", "invalid_content");
}

const llama = await getLlama({gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath});
// An explicit number: left to itself the library takes every core, and generation can stall on a busy machine.
const context = await model.createContext({contextSize, threads, sequences: 1});
const sequence = context.getSequence();

/** ChatML. Only the markers become special tokens, so a message cannot forge the end of its turn. */
function toTokens(messages) {
    const tokens = [];
    for (const {role, content} of messages) {
        tokens.push(...model.tokenize("<|im_start|>", true), ...model.tokenize(`${role}\n${content}`));
        tokens.push(...model.tokenize("<|im_end|>", true), ...model.tokenize("\n"));
    }
    return [...tokens, ...model.tokenize("<|im_start|>", true), ...model.tokenize("assistant\n")];
}

/** Yields pieces of text; returns the reason of the end and the tokens read and written. */
async function* generate(chat, tokens, signal) {
    await sequence.clearHistory();
    const limit = Math.min(chat.maxTokens, contextSize - tokens.length);
    const written = [];
    let sent = 0;
    let reason = "length";
    const evaluation = sequence.evaluate(tokens, {
        temperature: chat.temperature, topP: chat.topP, seed: chat.seed, yieldEogToken: true,
        repeatPenalty: {punishTokens: () => written.slice(-64), penalty: 1.1}
    });
    for await (const token of evaluation) {
        if (signal.aborted) return {reason: "abort", completion: written.length};
        if (model.isEogToken(token)) {
            reason = "stop";
            break;
        }
        written.push(token);
        const text = model.detokenize(written);
        // A character may be spread over several tokens: hold an unfinished one back.
        if (!text.endsWith("\ufffd") && text.length > sent) {
            yield text.slice(sent);
            sent = text.length;
        }
        if (written.length >= limit) break;
    }
    return {reason, completion: written.length};
}

let turn = Promise.resolve();
/** Runs one job after the other; a failed one does not hold up the next. */
function inTurn(job) {
    const result = turn.then(job);
    turn = result.catch(() => undefined);
    return result;
}

async function answerChat(request, response) {
    const chat = parseChat(await readBody(request));
    const tokens = toTokens(chat.messages);
    if (tokens.length >= contextSize)
        throw new RequestError(400, `The prompt has ${tokens.length} tokens; this model's context holds ${contextSize}.`, "context_length_exceeded");
    const abort = new AbortController();
    response.on("close", () => abort.abort());
    const reply = chat.stream ? streamed(response, chat) : whole(response);
    await inTurn(async () => {
        if (abort.signal.aborted) return;
        const pieces = generate(chat, tokens, abort.signal);
        let step = await pieces.next();
        for (; !step.done; step = await pieces.next()) reply.piece(step.value);
        const {reason, completion} = step.value;
        if (reason !== "abort")
            reply.end(reason, {prompt_tokens: tokens.length, completion_tokens: completion, total_tokens: tokens.length + completion});
    });
}

function whole(response) {
    let text = "";
    return {
        piece: (piece) => (text += piece),
        end(reason, usage) {
            const choices = [{index: 0, message: {role: "assistant", content: text}, finish_reason: reason}];
            sendJson(response, 200, {...envelope("chat.completion"), choices, usage});
        }
    };
}

function streamed(response, chat) {
    const head = envelope("chat.completion.chunk");
    const send = (fields) => response.write(`data: ${JSON.stringify({...head, ...fields})}\n\n`);
    const choice = (delta, reason = null) => ({choices: [{index: 0, delta, finish_reason: reason}]});
    response.writeHead(200, {"content-type": "text/event-stream", "cache-control": "no-store"});
    // A request that waits for its turn says that it lives; clients take a long silence for a dead server.
    const waiting = setInterval(() => response.write(": waiting\n\n"), 5000);
    response.on("close", () => clearInterval(waiting));
    send(choice({role: "assistant", content: ""}));
    return {
        piece(piece) {
            clearInterval(waiting);
            send(choice({content: piece}));
        },
        end(reason, usage) {
            clearInterval(waiting);
            send(choice({}, reason));
            if (chat.includeUsage) send({choices: [], usage});
            response.end("data: [DONE]\n\n");
        }
    };
}

function envelope(object) {
    return {id: `chatcmpl-${randomUUID()}`, object, created: Math.floor(Date.now() / 1000), model: modelName};
}

async function readBody(request) {
    const parts = [];
    let size = 0;
    for await (const part of request) {
        size += part.length;
        if (size > maxBodyBytes) throw new RequestError(413, "The request body is too large.", "body_too_large");
        parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
}

function sendJson(response, status, body) {
    response.writeHead(status, {"content-type": "application/json"});
    response.end(JSON.stringify(body));
}

function sendError(response, error) {
    if (response.headersSent || response.destroyed) return response.destroy();
    const status = error instanceof RequestError ? error.status : 500;
    if (status === 500) console.error(error);
    const message = status === 500 ? "The model failed; see the server's log." : error.message;
    sendJson(response, status, {error: {message, type: status < 500 ? "invalid_request_error" : "server_error", code: error.code ?? null}});
}

const server = createServer(async (request, response) => {
    const {pathname} = new URL(request.url, "http://localhost");
    try {
        if (request.method === "GET" && pathname === "/health") sendJson(response, 200, {status: "ok"});
        else if (request.method === "GET" && pathname === "/v1/models")
            sendJson(response, 200, {object: "list", data: [{id: modelName, object: "model", owned_by: "local"}]});
        else if (request.method === "POST" && pathname === "/v1/chat/completions") await answerChat(request, response);
        else throw new RequestError(404, `There is no ${request.method} ${pathname}.`, "not_found");
    } catch (error) {
        sendError(response, error);
    }
});
server.listen(port, "127.0.0.1", () => {
    console.log(`local model ready: ${modelName} at http://127.0.0.1:${server.address().port}/v1`);
});
server.on("error", (error) => {
    console.error(error.code === "EADDRINUSE" ? `local model: port ${port} is taken; name another one.` : error);
    process.exit(1);
});
for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => process.exit(0));
