"""Films are read as their viewer takes them."""

from asgiref.sync import async_to_sync

from media.films import PIECE_BYTES, film, pieces_of


def test_a_film_is_never_whole_in_memory_and_a_viewer_may_leave(tmp_path):
    path = tmp_path / "long.mp4"
    path.write_bytes(b"x" * PIECE_BYTES * 3)
    with path.open("rb") as file:
        answer = film('东门 "1".mp4', path.stat().st_size, pieces_of(file))

        async def look():
            pieces = answer.streaming_content
            first = await anext(pieces)
            return len(first), file.tell()

        assert async_to_sync(look)() == (PIECE_BYTES, PIECE_BYTES)
    assert answer["Content-Length"] == str(3 * PIECE_BYTES)
    assert answer["Content-Disposition"].startswith("attachment; filename")


def test_a_file_is_closed_with_its_last_piece(tmp_path):
    path = tmp_path / "short.mp4"
    path.write_bytes(b"film")
    file = path.open("rb")
    assert list(pieces_of(file)) == [b"film"]
    assert file.closed
