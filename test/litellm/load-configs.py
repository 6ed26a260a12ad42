"""Loads configurations as LiteLLM Proxy does at its start, each in a process of its own, and prints what it made of them as JSON."""

import asyncio
import glob
import json
import os
import sys

import litellm
from litellm.proxy import proxy_server


async def load(file):
    try:
        await proxy_server.ProxyConfig().load_config(router=None, config_file_path=file)
    except BaseException as error:
        return {"starts": False, "error": type(error).__name__, "guardrails": [], "logs": False}
    loggers = [*litellm.callbacks, *litellm.success_callback]
    names = [getattr(one, "guardrail_name", None) for one in litellm.callbacks]
    return {
        "starts": True,
        "guardrails": [name for name in names if name is not None],
        "logs": any(type(one).__name__ == "GenericAPILogger" for one in loggers),
    }


def begin(file):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.write(writing, json.dumps(asyncio.run(load(file))).encode())
        os._exit(0)
    os.close(writing)
    return file, child, reading


def end(file, child, reading):
    with os.fdopen(reading) as answer:
        outcomes[os.path.basename(file)] = json.loads(answer.read())
    os.waitpid(child, 0)


outcomes = {}
running = []
for file in sorted(glob.glob(os.path.join(sys.argv[1], "*.yaml"))):
    if len(running) == os.cpu_count():
        end(*running.pop(0))
    running.append(begin(file))
for one in running:
    end(*one)
print(json.dumps(outcomes))
