"""Python functions that the model may call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

import msgspec
from msgspec import UNSET

from vivavoce.client.errors import ConfigurationError
from vivavoce.client.tools.schema import Arguments
from vivavoce.protocol import FunctionTool, VivavoceError
from vivavoce.protocol.tools import FUNCTION_NAME, MAX_TOOLS

P = ParamSpec("P")
R = TypeVar("R")

MAX_NAME_CHARACTERS = 64


class ToolError(VivavoceError):
    """Raise it in a tool to tell the model what went wrong: the message is what it reads."""


class InvalidArguments(ToolError):
    """What the model wants a function called with does not fit the function."""


class Tool(Generic[P, R]):
    """A function that the model may call; made by `tool`. Called like the function, it is the function.

    - name, description, parameters: what the model is told. `parameters` is JSON Schema.
    - timeout: seconds that a call may take; None, as long as whoever runs it allows.
    - follow_up: whether a response is wanted when it was called.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
        follow_up: bool = True,
    ) -> None:
        arguments = Arguments(function)
        self.name = name if name is not None else str(getattr(function, "__name__", ""))
        if not re.fullmatch(FUNCTION_NAME, self.name) or len(self.name) > MAX_NAME_CHARACTERS:
            raise ConfigurationError(
                f"{self.name!r} cannot name a tool: give it a `name` of 1 to {MAX_NAME_CHARACTERS} letters, "
                "digits, _ and -."
            )
        if timeout is not None and timeout <= 0:
            raise ConfigurationError(f"The timeout of {self.name} is {timeout}: it must be above 0 seconds.")
        self.description = description if description is not None else arguments.description
        self.parameters = arguments.schema
        self.timeout = timeout
        self.follow_up = follow_up
        self._function = function
        self._arguments = arguments
        call = getattr(type(function), "__call__", None)  # noqa: B004 - an object may be asynchronous
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
        update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    @property
    def definition(self) -> FunctionTool:
        """The entry of `tools` in a session or a response."""
        return FunctionTool(name=self.name, description=self.description or UNSET, parameters=self.parameters)

    def bind(self, arguments: str) -> Callable[[], R]:
        """The call that a model wants, ready to be made; its arguments are JSON text.

        Raises InvalidArguments, which says what is wrong with them.
        """
        try:
            bound = self._arguments.bind(arguments)
        except msgspec.ValidationError as error:
            raise InvalidArguments(f"The arguments do not fit {self.name}: {error}.") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidArguments(f"The arguments of {self.name} are not valid JSON: {error}.") from error
        function: Callable[..., R] = self._function
        return lambda: function(*bound.args, **bound.kwargs)

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    follow_up: bool = True,
) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    follow_up: bool = True,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    follow_up: bool = True,
) -> Any:
    """Let the model call a function, sync or async.

        @tool
        def weather(city: str, days: int = 1) -> str:
            \"\"\"Tell the weather.

            Args:
                city: Where.
                days: How many days ahead.
            \"\"\"

    The signature becomes the JSON Schema of the arguments: parameters with defaults may be left out, and
    descriptions are taken from the docstring or from `Annotated[str, "…"]`. Types may be str, int, float,
    bool, Literal, Enum, unions, list, dict, TypedDict, dataclasses, msgspec structs, and whatever else
    msgspec takes; limits are stated with `Annotated[int, msgspec.Meta(ge=1)]`.

    - name, description: told to the model instead of the function's own.
    - timeout: seconds that a call may take.
    - follow_up: whether the model is to say something after a call.

    Raises ConfigurationError for a function that cannot be described.
    """

    def made(function: Callable[..., Any]) -> Tool[..., Any]:
        return Tool(function, name=name, description=description, timeout=timeout, follow_up=follow_up)

    return made if function is None else made(function)


class Tools(Mapping[str, Tool[..., Any]]):
    """Tools by name. Functions that are no tools yet become some.

    Raises ConfigurationError for two of one name and for more than 128.
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._tools: dict[str, Tool[..., Any]] = {}
        for function in functions:
            each = function if isinstance(function, Tool) else tool(function)
            if each.name in self._tools:
                raise ConfigurationError(f"Two tools are named {each.name}: give one of them another `name`.")
            self._tools[each.name] = each
        if len(self._tools) > MAX_TOOLS:
            raise ConfigurationError(f"{len(self._tools)} tools are too many: {MAX_TOOLS} at most.")

    @property
    def definitions(self) -> tuple[FunctionTool, ...]:
        """What to say as `tools` in `session.update` or `response.create`."""
        return tuple(each.definition for each in self._tools.values())

    def __getitem__(self, name: str) -> Tool[..., Any]:
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    def __repr__(self) -> str:
        return f"<Tools {', '.join(self._tools)}>"
