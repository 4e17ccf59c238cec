"""What all objects of the protocol have in common: structs, wire names, and limits for clients."""

import functools
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec


class WireType:
    """Gives a tagged class and its instances the name that the wire has for them, as `type`.

    The first look puts a plain class attribute before the descriptor, so that the next ones cost nothing.
    """

    def __get__(self, instance: object, owner: type[msgspec.Struct]) -> str:
        tag = str(owner.__struct_config__.tag)
        if vars(owner).get("type") is not self:
            setattr(owner, "type", tag)  # noqa: B010 - mypy sees a descriptor here, and it is one no longer
        return tag


class WireObject(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON object of the protocol. A field that is `msgspec.UNSET` is absent on the wire; `None` is `null`.

    Its `repr` leaves out absent fields and shows `…` for secrets and sound.
    """

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        concealed = _concealed(type(self))
        values = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [
            (name, _ELLIPSIS if name in concealed and value is not None else value)
            for name, value in values
            if value is not msgspec.UNSET
        ]


class _Ellipsis:
    def __repr__(self) -> str:
        return "…"


_ELLIPSIS = _Ellipsis()


@functools.cache
def _concealed(kind: type[msgspec.Struct]) -> frozenset[str]:
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(
        name
        for name, hint in hints.items()
        if any(
            isinstance(meta, msgspec.Meta) and (meta.extra or {}).get("concealed")
            for meta in getattr(hint, "__metadata__", ())
        )
    )


class TaggedObject(WireObject, frozen=True, kw_only=True, tag_field="type"):
    """A JSON object that its `type` tells from its siblings."""

    type = WireType()


class _Kept:
    """Room for what an event was read from, beside the fields, so that it costs a pointer and no table."""

    __slots__ = ("_raw",)
    _raw: str | bytes


class ServerMessage(TaggedObject, _Kept, frozen=True, kw_only=True):
    """An event of a server."""

    type = WireType()

    @property
    def raw(self) -> bytes:
        """The JSON as it came, with whatever this version has no field for. Of an event that was not read
        but made, the JSON that it would be."""
        try:
            raw = self._raw
        except AttributeError:
            return msgspec.json.encode(self)
        return raw if isinstance(raw, bytes) else raw.encode(errors="replace")


keep_raw: Callable[[object, str | bytes], None] = _Kept.__dict__["_raw"].__set__
"""`keep_raw(event, data)`: `data` is what the event was read from. Frozen events take nothing else."""


def limits(
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    one_of: tuple[str, ...] | None = None,
    combinations: tuple[tuple[str, ...], ...] | None = None,
    any_order: bool = False,
    server_only: bool = False,
    concealed: bool = False,
) -> msgspec.Meta:
    """What a field may hold when a client sends it: metadata for `Annotated`.

    Only the strict decoder of client events and REST bodies reads it. Events of a server are taken as they
    come, also when its ranges are wider or it knows more names than the documented ones; that is why the
    limits do not stand in the constraints that msgspec itself would enforce.

    - minimum, maximum: inclusive range of a number.
    - min_length, max_length: characters of a string, elements of an array, properties of an object.
    - pattern: regular expression that the whole string must match.
    - one_of: the only strings accepted.
    - combinations: the only arrays accepted.
    - any_order: of these, in whatever order; they are stated in the alphabet's.
    - server_only: a key that only servers send; from a client it is an unknown one.
    - concealed: a secret, or sound: `repr` does not show it.
    """
    extra: dict[str, Any] = {
        "minimum": minimum,
        "maximum": maximum,
        "min_length": min_length,
        "max_length": max_length,
        "pattern": pattern,
        "one_of": one_of,
        "combinations": combinations,
        "any_order": any_order or None,
        "server_only": server_only or None,
        "concealed": concealed or None,
    }
    return msgspec.Meta(extra={key: value for key, value in extra.items() if value is not None})
