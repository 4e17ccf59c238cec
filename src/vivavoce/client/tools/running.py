"""What running calls has in common, with an event loop or without."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypedDict

from vivavoce.client.tools.ledger import Call, Ledger
from vivavoce.client.tools.output import failed, succeeded
from vivavoce.client.tools.tool import Tool, ToolError, Tools
from vivavoce.protocol import FunctionTool

TIMEOUT_S = 60.0
MAX_PARALLEL = 8
MAX_PENDING = 256
"""Calls without an output at a time; those beyond are refused."""

OnError: TypeAlias = Callable[[Call, Exception], str | None]
FollowUp: TypeAlias = Mapping[str, Any] | bool

_logger = logging.getLogger("vivavoce.client.tools")


class RunnerOptions(TypedDict, total=False):
    """What a runner can be told; see AsyncToolRunner."""

    follow_up: FollowUp
    timeout: float | None
    max_parallel: int
    on_error: OnError | None


class Running:
    """The tools, the ledger of their calls, and how results become outputs."""

    def __init__(
        self,
        tools: Iterable[Callable[..., Any]] | Tools,
        follow_up: FollowUp,
        timeout: float | None,
        max_parallel: int,
        on_error: OnError | None,
    ) -> None:
        if max_parallel < 1:
            raise ValueError(f"max_parallel is {max_parallel}: at least one call must be able to run.")
        self.tools = tools if isinstance(tools, Tools) else Tools(*tools)
        self._timeout = timeout
        self._max_parallel = max_parallel
        self._on_error = on_error
        self._ledger = Ledger(follow_up)

    @property
    def definitions(self) -> tuple[FunctionTool, ...]:
        """What to say as `tools` in `session.update` or `response.create`."""
        return self.tools.definitions

    def _prepare(self, call: Call) -> tuple[Tool[..., Any], Callable[[], Any]]:
        """The tool of a call, and the call ready to be made. Raises ToolError."""
        tool = self.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.tools) or "none"
            raise ToolError(f"There is no function {call.name}. There are: {known}.")
        return tool, tool.bind(call.arguments)

    def _deadline_s(self, call: Call) -> float | None:
        tool = self.tools.get(call.name)
        return tool.timeout if tool is not None and tool.timeout is not None else self._timeout

    def _succeeded(self, call: Call, result: Any) -> None:
        try:
            output = succeeded(result)
        except ToolError as error:
            self._failed(call, error)
        else:
            self._answer(call, output)

    def _failed(self, call: Call, error: Exception) -> None:
        output = None
        if self._on_error is not None:
            try:
                output = self._on_error(call, error)
            except Exception:
                _logger.exception("on_error failed for the tool %s.", call.name)
        elif not isinstance(error, ToolError):
            _logger.error("The tool %s failed.", call.name, exc_info=error)
        self._answer(call, output if isinstance(output, str) else failed(call.name, error))

    def _timed_out(self, call: Call) -> None:
        self._failed(call, ToolError(f"{call.name} took longer than {self._deadline_s(call):g} s."))

    def _refused(self, call: Call) -> None:
        self._failed(call, ToolError("Too many functions are being called at once. Try again later."))

    def _answer(self, call: Call, output: str) -> None:
        tool = self.tools.get(call.name)
        self._ledger.answer(call, output, follow_up=tool is None or tool.follow_up)
