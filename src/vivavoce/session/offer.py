"""What a response may call, as its language model sees it: the tools of MCP servers are functions like any
other, so that engines know of one kind only."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from vivavoce.protocol import (
    FunctionTool,
    McpListedTool,
    McpTool,
    McpToolApproval,
    McpToolFilter,
    Tool,
    ToolChoice,
    ToolChoiceFunction,
    ToolChoiceMcp,
)

MAX_NAME = 64
"""Longest name of a function."""


class Target(msgspec.Struct, frozen=True):
    """A tool of an MCP server that a response may call."""

    server_label: str
    name: str
    """As its server calls it."""
    needs_approval: bool


class Offer(msgspec.Struct, frozen=True):
    """The functions of one response, and which of them are tools of MCP servers."""

    tools: tuple[FunctionTool, ...] = ()
    choice: ToolChoice = "auto"
    targets: Mapping[str, Target] = {}
    """By the name of the function that stands for the tool."""

    def function(self, server_label: str, name: str) -> str:
        """The name of the function that stands for a tool, in the history too; a tool that is not offered
        any more keeps the plain one."""
        for function, target in self.targets.items():
            if (target.server_label, target.name) == (server_label, name):
                return function
        return _fitting(name)

    def target(self, server_label: str, name: str) -> Target | None:
        """The tool of this name, if this server offers it: another's of the same name is another tool."""
        for target in self.targets.values():
            if (target.server_label, target.name) == (server_label, name):
                return target
        return None


def offer(
    tools: Iterable[Tool],
    choice: ToolChoice,
    loaded: Mapping[str, Sequence[McpListedTool]],
) -> Offer:
    """The functions for these `tools` of a response, where `loaded` holds the tools of the servers that have
    told theirs, by label.

    A tool is called what its server calls it; the label goes before it only where two would be called the
    same. A choice that nothing could satisfy is none.
    """
    functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
    remote = [
        (tool, listed)
        for tool in tools
        if isinstance(tool, McpTool)
        for listed in loaded.get(tool.server_label, ())
        if is_allowed(tool, listed)
    ]
    targets = _named(remote, functions) if remote else {}
    if isinstance(choice, ToolChoiceMcp):
        return _chosen(functions, choice, targets)
    if choice == "required" and not functions:
        choice = "none"
    return Offer(tuple(functions), choice, targets)


def _named(
    remote: Sequence[tuple[McpTool, McpListedTool]], functions: list[FunctionTool]
) -> dict[str, Target]:
    """Find a name for every tool of a server, and add the function that stands for it."""
    taken = {function.name for function in functions}
    plain = Counter(_fitting(listed.name) for _, listed in remote)
    targets: dict[str, Target] = {}
    for tool, listed in remote:
        name = _fitting(listed.name)
        if plain[name] > 1 or name in taken:
            name = _distinct(_fitting(f"{tool.server_label}_{listed.name}"), taken)
        taken.add(name)
        targets[name] = Target(tool.server_label, listed.name, needs_approval(tool, listed))
        functions.append(_function(name, listed))
    return targets


def _chosen(functions: list[FunctionTool], choice: ToolChoiceMcp, targets: dict[str, Target]) -> Offer:
    """One server's tools must be called: one of them, or any."""
    fitting = [
        name
        for name, target in targets.items()
        if target.server_label == choice.server_label
        and (not isinstance(choice.name, str) or target.name == choice.name)
    ]
    if not fitting:
        return Offer(tuple(functions), "none", targets)
    if isinstance(choice.name, str):
        return Offer(tuple(functions), ToolChoiceFunction(name=fitting[0]), targets)
    return Offer(tuple(tool for tool in functions if tool.name in fitting), "required", targets)


def is_allowed(tool: McpTool, listed: McpListedTool) -> bool:
    """Whether `allowed_tools` lets this one in; without it all are allowed."""
    match tool.allowed_tools:
        case tuple() as names:
            return listed.name in names
        case McpToolFilter() as chosen:
            return _matches(chosen, listed)
        case _:
            return True


def needs_approval(tool: McpTool, listed: McpListedTool) -> bool:
    """Whether a person must be asked. With filters, whatever `never` does not name needs approval, and what
    both name does."""
    match tool.require_approval:
        case "never":
            return False
        case McpToolApproval(always=always, never=never):
            asked = isinstance(always, McpToolFilter) and _matches(always, listed)
            return asked or not (isinstance(never, McpToolFilter) and _matches(never, listed))
        case _:
            return True


def _matches(chosen: McpToolFilter, listed: McpListedTool) -> bool:
    if isinstance(chosen.tool_names, tuple) and listed.name not in chosen.tool_names:
        return False
    annotations: dict[str, Any] = listed.annotations if isinstance(listed.annotations, dict) else {}
    return chosen.read_only is UNSET or chosen.read_only is (annotations.get("readOnlyHint") is True)


def _function(name: str, listed: McpListedTool) -> FunctionTool:
    description = listed.description if isinstance(listed.description, str) else UNSET
    return FunctionTool(name=name, description=description, parameters=listed.input_schema)


def _fitting(name: str) -> str:
    """A name that language models take: MCP servers may call their tools anything."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:MAX_NAME] or "_"


def _distinct(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name[: MAX_NAME - 1 - len(str(number))]}_{number}"
    return candidate
