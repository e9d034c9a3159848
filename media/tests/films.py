"""What tests see of a film that was answered."""

from asgiref.sync import async_to_sync


def film_of(answer):
    """All of it."""

    async def read():
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()
