"""The client of PyPI's `mcp`. Arguments: address, key, tool, its arguments as JSON. Prints what it got as JSON."""

import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

url, key, tool, arguments = sys.argv[1:]


async def main():
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = [one.name for one in (await client.list_tools()).tools]
            result = await client.call_tool(tool, json.loads(arguments))
            texts = [part.text for part in result.content]
            print(json.dumps({"tools": tools, "texts": texts, "isError": bool(result.is_error)}))


asyncio.run(main())
