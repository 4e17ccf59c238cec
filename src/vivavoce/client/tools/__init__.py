"""Python functions for the model to call.

tool            a function, and what the model is told about it
schema          JSON Schema from a signature
docstring       descriptions from a docstring
ledger          which calls are to be run, and what is sent about them when, without I/O
output          results and failures as the model reads them
running         what the runners share
async_runner    running calls beside a conversation, on asyncio
sync_runner     the same in threads
"""

from vivavoce.client.tools.async_runner import AsyncToolRunner
from vivavoce.client.tools.ledger import Call
from vivavoce.client.tools.sync_runner import ToolRunner
from vivavoce.client.tools.tool import InvalidArguments, Tool, ToolError, Tools, tool

__all__ = [
    "AsyncToolRunner",
    "Call",
    "InvalidArguments",
    "Tool",
    "ToolError",
    "ToolRunner",
    "Tools",
    "tool",
]
