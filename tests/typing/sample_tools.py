"""A program that lets the model call its functions, asks for answers, and adds up what they cost."""

from typing import Annotated, Literal, assert_type

from vivavoce import AsyncClient, Client
from vivavoce.client import Answer, AnswerAudio, AnswerCall, AnswerText
from vivavoce.client.tools import AsyncToolRunner, ToolError, ToolRunner, tool
from vivavoce.client.usage import Prices, Usage


@tool
async def weather(
    city: str, days: int = 1, unit: Literal["celsius", "fahrenheit"] = "celsius"
) -> dict[str, float]:
    """Tell the weather."""
    if city == "Atlantis":
        raise ToolError("Nobody knows.")
    return {"temperature": 20.0 * days if unit == "celsius" else 68.0}


@tool(name="add", timeout=5.0)
def total(one: int, other: Annotated[int, "What to add."]) -> int:
    return one + other


async def converse() -> None:
    usage = Usage()
    async with AsyncClient().realtime.connect(model="gpt-realtime") as rt:
        async with AsyncToolRunner(rt, [weather, total]) as tools:
            await rt.session.update(session={"type": "realtime", "tools": tools.definitions})
            answer = assert_type(await rt.ask("What is the weather in Rome?"), Answer)
            print(answer.text, len(answer.audio), answer.complete)
            async for part in rt.respond({"instructions": "Be brief."}):
                match part:
                    case AnswerText(text=text):
                        print(text.upper())
                    case AnswerAudio(audio=audio):
                        print(len(audio))
                    case AnswerCall(name=name, arguments=arguments):
                        print(name, arguments)
            async for event in rt:
                usage.feed(event)
    print(usage.cost(Prices({"input_text": "4.00"}, currency="USD")))
    print((await weather("Rome"))["temperature"], total(1, 2) + 1)


def converse_without_an_event_loop() -> None:
    with Client().realtime.connect(model="gpt-realtime") as rt, ToolRunner(rt, [total]) as tools:
        rt.session.update(session={"type": "realtime", "tools": tools.definitions})
        rt.dispatch_events()
