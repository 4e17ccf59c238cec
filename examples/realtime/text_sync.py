"""The same without an event loop, by handlers."""

from vivavoce import Client


def main() -> None:
    with Client().realtime.connect(model="gpt-realtime") as connection:
        connection.on("response.output_text.delta", lambda event: print(event.delta, flush=True, end=""))
        connection.on("response.output_text.done", lambda event: print())
        connection.on("error", lambda event: print(event.error.code, event.error.message))
        connection.on("response.done", lambda event: connection.close())
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Say hello!"}],
            }
        )
        connection.response.create()
        connection.dispatch_events()


main()
